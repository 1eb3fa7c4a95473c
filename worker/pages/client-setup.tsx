/** The command that writes the files by which a runtime asks this edge (docs/decisions/0168). */
import { formatUpstream, upstreamOf, type Upstream } from '../../core/reference.ts';
import type { View } from './document.tsx';
import { Copyable } from './elements.tsx';
import type { ListedRepository } from './readable-mirror.ts';

/** The runtimes by their names in `lifeboat clients`, and as people call them. */
const RUNTIMES: readonly (readonly [name: string, title: string])[] = [
  ['containerd', 'containerd'],
  ['docker', 'Docker'],
  ['podman', 'podman'],
  ['cri-o', 'CRI-O'],
  ['buildkit', 'BuildKit'],
  ['nerdctl', 'nerdctl'],
  ['k3s', 'k3s'],
  ['rke2', 'RKE2'],
  ['talos', 'Talos'],
  ['kind', 'kind'],
  ['openshift', 'OpenShift'],
  ['eks', 'EKS'],
  ['gke', 'GKE'],
  ['aks', 'AKS'],
];

interface Props {
  readonly view: View;
  readonly repositories: readonly ListedRepository[];
  /** As the request has it. */
  readonly client: string | undefined;
  /** The address of the same page with another runtime. */
  readonly hrefOf: (client: string) => string;
}

/** A command with all the upstreams of a large mirror would be longer than people read. */
const MAX_UPSTREAMS = 10;

export function ClientSetupSection({ view, repositories, client, hrefOf }: Props) {
  const upstreams = [...Map.groupBy(repositories, ({ name }) => upstreamOf(name))]
    .toSorted(([, one], [, other]) => other.length - one.length)
    .map(([name]) => name);
  const [name, title] = RUNTIMES.find(([one]) => one === client) ?? ['containerd', 'containerd'];
  const image = view.tags ? repositories.flatMap(newestImage)[0] : undefined;
  return (
    <section id="use" class="card" aria-labelledby="use-title">
      <h2 id="use-title">Use this mirror</h2>
      <nav class="tabs" aria-label="Runtime">
        {RUNTIMES.map(([one, shownTitle]) => (
          <a href={hrefOf(one)} aria-current={one === name ? 'true' : undefined}>
            {shownTitle}
          </a>
        ))}
      </nav>
      <p>This command writes the files of {title}, and says what makes it read them:</p>
      <Copyable text={commandFor(name, view, upstreams.slice(0, MAX_UPSTREAMS))} />
      {upstreams.length > MAX_UPSTREAMS ? (
        <p class="muted">
          It names {MAX_UPSTREAMS} of {upstreams.length} upstreams. Add --upstream for each other one that you
          use.
        </p>
      ) : null}
      {image === undefined ? null : (
        <>
          <p>One image needs no file:</p>
          <Copyable text={`docker pull ${view.host}/${image}`} />
        </>
      )}
    </section>
  );
}

function newestImage(line: ListedRepository): readonly string[] {
  return 'newest' in line && line.newest !== undefined ? [`${line.name}:${line.newest.tag}`] : [];
}

function commandFor(runtime: string, { origin, isPrivate }: View, upstreams: readonly Upstream[]): string {
  const names = upstreams.map((name) => ` --upstream ${formatUpstream(name)}`).join('');
  return `npx lifeboat clients ${runtime} --edge ${origin}${names}${isPrivate ? ' --token-file token' : ''}`;
}
