/** podman, skopeo and CRI-O: a drop-in of registries.conf. */
import { registriesConf } from '../merging/registries-conf.ts';
import { insecureHostsOf, type MirrorSetup } from './edge-mirrors.ts';
import { limitsOf, type Abilities } from './limits.ts';
import type { ClientSetup, RuntimeConfiguration } from './setup.ts';
import { tomlText } from './text.ts';

const ABILITIES: Abilities = {
  digestsOnly: true,
  upstreamFirst: true,
  token:
    'a drop-in has no header. Log in to the edge with any user and the token as the password (podman login), and set AUTH_CHALLENGE = "basic" at the edge; docs/clients.md says what that costs',
  peers: 'peers speak to containerd alone',
  everyRegistry: 'a drop-in names each registry: name them with --upstream',
};

const STEP = {
  'CRI-O': 'systemctl reload crio',
  podman:
    'podman and skopeo read the file at once. CONTAINERS_REGISTRIES_CONF in the environment switches it off in newer versions.',
} as const;

const PATH = 'etc/containers/registries.conf.d/50-lifeboat.conf';

export function containersImage(setup: MirrorSetup, runtime: 'podman' | 'CRI-O'): RuntimeConfiguration {
  const { sources, edges, warnings } = setup;
  const content = tomlText(registriesConf(sources, insecureHostsOf(edges)));
  return {
    files: sources.length === 0 ? [] : [{ path: PATH, content, kind: 'whole', isSecret: false }],
    limits: [...warnings, ...new Set(edges.flatMap((edge) => limitsOfEdge(edge, runtime)))],
    steps: sources.length === 0 ? [] : [STEP[runtime]],
  };
}

function limitsOfEdge(edge: ClientSetup, runtime: 'podman' | 'CRI-O'): readonly string[] {
  return [
    ...limitsOf(runtime, edge, ABILITIES),
    ...(edge.order === 'upstream-first'
      ? [
          `${runtime} chooses once, by the manifest: if the upstream still gives manifests but no blobs, the pull fails. Mirror first is safer.`,
        ]
      : []),
  ];
}
