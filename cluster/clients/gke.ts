/** GKE: the runtime configuration file, from which GKE writes a hosts.toml for each registry. */
import { edgePathOf, nameOf, originOf } from './address.ts';
import { limitsOf, type Abilities } from './limits.ts';
import type { ClientSetup, RuntimeConfiguration } from './setup.ts';
import { yamlText } from './yaml-text.ts';

const ABILITIES: Abilities = {
  digestsOnly: true,
  upstreamFirst: true,
  token: true,
  peers: true,
  everyRegistry: 'registryHosts names each registry: name them with --upstream',
};

const ALL = ['HOST_CAPABILITY_PULL', 'HOST_CAPABILITY_RESOLVE'];

/** GKE takes no more. */
const MAX_REGISTRIES = 25;

export function gke(setup: ClientSetup): RuntimeConfiguration {
  const upstreams = setup.upstreams === 'all' ? [] : setup.upstreams;
  const capabilities = ['HOST_CAPABILITY_PULL', ...(setup.tags ? ['HOST_CAPABILITY_RESOLVE'] : [])];
  const header =
    setup.token === undefined ? {} : { header: [{ key: 'Authorization', value: [`Bearer ${setup.token}`] }] };
  const registryHosts = upstreams.slice(0, MAX_REGISTRIES).map((upstream) => {
    const edge = {
      host: edgePathOf(setup, upstream),
      capabilities,
      overridePath: true,
      dialTimeout: '3s',
      ...header,
    };
    const itself = { host: originOf(upstream), capabilities: ALL, dialTimeout: '5s' };
    return {
      // The name of the registry, from which GKE makes the name of a folder.
      server: nameOf(upstream),
      hosts: [
        ...setup.peers.map((host) => ({ host, capabilities, dialTimeout: '1s' })),
        ...(setup.order === 'upstream-first' ? [itself] : []),
        edge,
        // The fallback would be asked by https.
        ...(setup.order === 'mirror-first' && upstream.isInsecure ? [itself] : []),
      ],
    };
  });
  const left = upstreams.slice(MAX_REGISTRIES).map((upstream) => nameOf(upstream));
  return {
    files:
      upstreams.length === 0
        ? []
        : [
            {
              path: 'containerd-config.yaml',
              content: yamlText({ registryHosts }),
              kind: 'shared',
              isSecret: setup.token !== undefined,
            },
          ],
    limits: [
      ...limitsOf('GKE', setup, ABILITIES),
      ...(left.length > 0
        ? [`GKE takes ${MAX_REGISTRIES} registries, so these are left out: ${left.join(', ')}.`]
        : []),
    ],
    steps:
      upstreams.length === 0
        ? []
        : [
            'GKE creates the nodes again.',
            'gcloud container node-pools update POOL --cluster CLUSTER --containerd-config-from-file containerd-config.yaml',
          ],
  };
}
