/** The commands that pull one image from this edge by its name. */
import type { Digest } from '../../core/digest.ts';
import type { Repository, Tag } from '../../core/reference.ts';
import { Copyable } from './elements.tsx';

const HELM_CONFIG = 'application/vnd.cncf.helm.config.v1+json';

interface Props {
  readonly host: string;
  readonly repository: Repository;
  readonly tag: Tag | undefined;
  readonly digest: Digest | undefined;
  /** Undefined for an image. */
  readonly artifactType: string | undefined;
}

export function PullLines({ host, repository, tag, digest, artifactType }: Props) {
  const name = `${host}/${repository}`;
  const reference = tag === undefined ? `${name}@${digest}` : `${name}:${tag}`;
  const [first = '', ...others] = linesFor(name, reference, tag, artifactType);
  return (
    <div class="pull">
      <h3>Pull</h3>
      <Copyable text={first} />
      <details>
        <summary>Other clients{tag === undefined || digest === undefined ? '' : ', and by digest'}</summary>
        {others.map((line) => (
          <Copyable text={line} />
        ))}
        {tag === undefined || digest === undefined ? null : <Copyable text={`${name}@${digest}`} />}
      </details>
    </div>
  );
}

function linesFor(
  name: string,
  reference: string,
  tag: Tag | undefined,
  artifactType: string | undefined,
): readonly string[] {
  const copy = `skopeo copy docker://${reference} oci:image`;
  if (artifactType === HELM_CONFIG && tag !== undefined) {
    // Charts have "+" in their versions, and tags have "_" for it.
    return [`helm pull oci://${name} --version ${tag.replace('_', '+')}`, `oras pull ${reference}`, copy];
  }
  if (artifactType !== undefined) return [`oras pull ${reference}`, `crane manifest ${reference}`, copy];
  return [
    `docker pull ${reference}`,
    `podman pull ${reference}`,
    `nerdctl pull ${reference}`,
    `crictl pull ${reference}`,
    copy,
  ];
}
