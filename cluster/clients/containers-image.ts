/** podman, skopeo and CRI-O: a drop-in of registries.conf. */
import type { TomlTable } from 'smol-toml';
import { edgeLocationOf, isInsecureEdge, nameOf } from './address.ts';
import { limitsOf, type Abilities } from './limits.ts';
import type { ClientSetup, MirroredUpstream, RuntimeConfiguration } from './setup.ts';
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
    'podman and skopeo read the file at once. CONTAINERS_REGISTRIES_CONF in the environment switches it off.',
} as const;

export function containersImage(setup: ClientSetup, runtime: 'podman' | 'CRI-O'): RuntimeConfiguration {
  const upstreams = setup.upstreams === 'all' ? [] : setup.upstreams;
  const registry = upstreams.map((upstream) => registryOf(setup, upstream));
  const path = 'etc/containers/registries.conf.d/50-lifeboat.conf';
  return {
    files:
      registry.length === 0
        ? []
        : [{ path, content: tomlText({ registry }), kind: 'whole', isSecret: false }],
    limits: [
      ...limitsOf(runtime, setup, ABILITIES),
      ...(setup.order === 'upstream-first'
        ? [
            `${runtime} chooses once, by the manifest: if the upstream still gives manifests but no blobs, the pull fails. Mirror first is safer.`,
          ]
        : []),
    ],
    steps: registry.length === 0 ? [] : [STEP[runtime]],
  };
}

function registryOf(setup: ClientSetup, upstream: MirroredUpstream): TomlTable {
  const location = nameOf(upstream);
  const pulls = setup.tags ? {} : { 'pull-from-mirror': 'digest-only' };
  const insecure = upstream.isInsecure ? { insecure: true } : {};
  const edge = {
    location: edgeLocationOf(setup, upstream),
    ...(isInsecureEdge(setup) && { insecure: true }),
    ...pulls,
  };
  const itself = { location, ...insecure, ...pulls };
  const mirror = setup.order === 'mirror-first' ? [edge] : [itself, edge];
  return { prefix: location, location, ...insecure, mirror };
}
