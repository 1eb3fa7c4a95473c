/** How a runtime is told to ask this edge, by the generators of `lifeboat clients`. */
import { buildkit } from '../../cluster/clients/buildkit.ts';
import { containerd, nerdctl } from '../../cluster/clients/containerd.ts';
import { containersImage } from '../../cluster/clients/containers-image.ts';
import { docker } from '../../cluster/clients/docker.ts';
import { edgeAlone } from '../../cluster/clients/edge-mirrors.ts';
import type { ClientFile, ClientSetup, RuntimeConfiguration } from '../../cluster/clients/setup.ts';
import { parseUpstream, upstreamOf } from '../../core/reference.ts';
import type { View } from './document.tsx';
import { Copyable } from './elements.tsx';
import { counted } from './formats.ts';
import type { ListedRepository } from './readable-mirror.ts';

interface Runtime {
  readonly name: string;
  readonly title: string;
  readonly configure: (setup: ClientSetup) => RuntimeConfiguration;
}

/** Those whose files are TOML or JSON. The library for YAML would be half of the Worker (docs/decisions/0168). */
const SHOWN: readonly Runtime[] = [
  { name: 'containerd', title: 'containerd', configure: (setup) => containerd(setup, 2) },
  { name: 'docker', title: 'Docker', configure: docker },
  { name: 'podman', title: 'podman', configure: (setup) => containersImage(edgeAlone(setup), 'podman') },
  { name: 'cri-o', title: 'CRI-O', configure: (setup) => containersImage(edgeAlone(setup), 'CRI-O') },
  { name: 'buildkit', title: 'BuildKit', configure: buildkit },
  { name: 'nerdctl', title: 'nerdctl', configure: nerdctl },
];

/** The other runtimes of `lifeboat clients`, by their names there, and as people call them. */
const BY_COMMAND: readonly (readonly [string, string])[] = [
  ['k3s', 'k3s'],
  ['rke2', 'RKE2'],
  ['talos', 'Talos'],
  ['kind', 'kind'],
  ['openshift', 'OpenShift'],
  ['eks', 'EKS'],
  ['gke', 'GKE'],
  ['aks', 'AKS'],
];

/** More registries make the page long, and their files are alike. */
const MAX_UPSTREAMS = 4;
/** The place of the token in a file. No page shows a token. */
const TOKEN = '<token>';

interface Props {
  readonly view: View;
  readonly repositories: readonly ListedRepository[];
  /** As the request has it. */
  readonly client: string | undefined;
}

export function ClientSetupSection({ view, repositories, client }: Props) {
  const upstreams = [...new Set(repositories.map(({ name }) => upstreamOf(name)))];
  const named = upstreams.length === 0 ? [parseUpstream('docker.io')] : upstreams.slice(0, MAX_UPSTREAMS);
  const setup: ClientSetup = {
    edge: view.origin,
    upstreams: named.map((name) => ({ name, isInsecure: false })),
    order: 'mirror-first',
    tags: view.tags,
    token: view.isPrivate ? TOKEN : undefined,
    peers: [],
  };
  const byCommand = BY_COMMAND.find(([name]) => name === client);
  const shownRuntime = SHOWN.find(({ name }) => name === client) ?? SHOWN[0];
  const selected = byCommand?.[0] ?? shownRuntime?.name;
  const all = [...SHOWN.map(({ name, title }) => [name, title] as const), ...BY_COMMAND];
  return (
    <section id="use" class="card" aria-labelledby="use-title">
      <h2 id="use-title">Use this mirror</h2>
      <nav class="tabs" aria-label="Runtime">
        {all.map(([name, title]) => (
          <a href={`/?client=${name}#use`} aria-current={name === selected ? 'true' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      {byCommand === undefined && shownRuntime !== undefined ? (
        <Files configuration={shownRuntime.configure(setup)} />
      ) : (
        <p>This command writes the files for {byCommand?.[1]}, with the steps that make it read them:</p>
      )}
      {byCommand === undefined && upstreams.length <= named.length ? null : (
        <>
          {byCommand === undefined ? (
            <p>
              These are the files for {named.length} of {upstreams.length} registries. This command writes
              all:
            </p>
          ) : null}
          <Copyable text={commandFor(selected ?? '', view, upstreams)} />
        </>
      )}
    </section>
  );
}

function commandFor(runtime: string, { origin, isPrivate }: View, upstreams: readonly string[]): string {
  const names = upstreams.map((name) => ` --upstream ${name.replace('_', ':')}`).join('');
  return `npx lifeboat clients ${runtime} --edge ${origin}${names}${isPrivate ? ' --token-file token' : ''}`;
}

/** As many files are seen at once. The others are those of more registries, which are alike. */
const OPEN_FILES = 2;

function Files({
  configuration: { files, limits, steps },
}: {
  readonly configuration: RuntimeConfiguration;
}) {
  const others = files.slice(OPEN_FILES);
  return (
    <>
      {files.slice(0, OPEN_FILES).map((file) => (
        <File file={file} />
      ))}
      {others.length === 0 ? null : (
        <details>
          <summary>{counted(others.length, 'more file')}, for other registries</summary>
          {others.map((file) => (
            <File file={file} />
          ))}
        </details>
      )}
      {steps.length + limits.length === 0 ? null : (
        <ul class="notes">
          {[...steps, ...limits].map((text) => (
            <li>{text}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function File({ file: { path, content, kind } }: { readonly file: ClientFile }) {
  return (
    <figure>
      <figcaption>
        <code>/{path}</code>
        {kind === 'shared' ? ' (add to what the file has)' : ''}
      </figcaption>
      <Copyable text={withoutMarker(content)} />
    </figure>
  );
}

/** The mark is for the command, which overwrites its own files. A file that a person pastes is the person's. */
function withoutMarker(content: string): string {
  return content.startsWith('# ') ? content.slice(content.indexOf('\n') + 1).trimEnd() : content.trimEnd();
}
