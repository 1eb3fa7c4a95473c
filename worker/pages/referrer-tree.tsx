/** The tree of all that refers to a manifest: signatures, SBOMs, attestations; and below each platform of an index, its own attestations. */
import { formatPlatform, type Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import type { Repository } from '../../core/reference.ts';
import { More, rawPath, ShortDigest } from './elements.tsx';
import { cut, formatBytes } from './formats.ts';

interface Props {
  readonly repository: Repository;
  readonly digest: Digest;
  /** Those of the index. */
  readonly manifests: readonly Descriptor[];
  readonly referrers: readonly Descriptor[];
  readonly most: number;
}

export function ReferrerTree({ repository, digest, manifests: all, referrers, most }: Props) {
  const attestations = all.filter((child) => child.annotations?.['vnd.docker.reference.type'] !== undefined);
  const attested = Map.groupBy(
    attestations.slice(0, most),
    (child) => child.annotations?.['vnd.docker.reference.digest'] ?? digest,
  );
  const platforms = all.filter((child) => attested.has(child.digest));
  return (
    <section class="card" aria-labelledby="referrers">
      <h2 id="referrers">Signatures and attestations</h2>
      {referrers.length + platforms.length === 0 ? (
        <p class="muted">Nothing that is here refers to this manifest.</p>
      ) : (
        <ul class="tree">
          <li>
            <span class="mono">this manifest</span>
            <ul>
              {referrers.slice(0, most).map((referrer) => (
                <Referrer repository={repository} referrer={referrer} />
              ))}
              {platforms.slice(0, most).map((child) => (
                <li>
                  {child.platform === undefined ? 'manifest' : cut(formatPlatform(child.platform))}{' '}
                  <ShortDigest repository={repository} digest={child.digest} />
                  <ul>
                    {attested.get(child.digest)?.map((referrer) => (
                      <Referrer repository={repository} referrer={referrer} />
                    ))}
                  </ul>
                </li>
              ))}
            </ul>
          </li>
        </ul>
      )}
      <More left={referrers.length - most} one="referrer" raw={`/v2/${repository}/referrers/${digest}`} />
      <More left={attestations.length - most} one="attestation" raw={rawPath(repository, digest)} />
    </section>
  );
}

function Referrer({
  repository,
  referrer,
}: {
  readonly repository: Repository;
  readonly referrer: Descriptor;
}) {
  const { artifactType, annotations, mediaType, digest, size } = referrer;
  const kind = annotations?.['vnd.docker.reference.type'] ?? artifactType ?? mediaType;
  const predicate = annotations?.['in-toto.io/predicate-type'] ?? annotations?.['predicateType'];
  return (
    <li>
      <ShortDigest repository={repository} digest={digest} /> <small>{formatBytes(size)}</small>
      <br />
      <span class="break">
        {cut(kind)}
        {predicate === undefined ? '' : ` · ${cut(predicate)}`}
      </span>
    </li>
  );
}
