/** GKE: the runtime configuration file, from which GKE writes a hosts.toml for each registry. */
import { edgePathOf, nameOf, originOf } from './address.ts';
import { limitsOf, type Abilities } from './limits.ts';
import type { ClientSetup, RuntimeConfiguration } from './setup.ts';
import { yamlText } from './text.ts';

const ABILITIES: Abilities = {
  digestsOnly: true,
  upstreamFirst: 'a server is always asked last',
  token: true,
  peers: true,
  everyRegistry: 'registryHosts names each registry: name them with --upstream',
};

/** GKE takes no more. */
const MAX_REGISTRIES = 25;

export function gke(setup: ClientSetup): RuntimeConfiguration {
  const upstreams = setup.upstreams === 'all' ? [] : setup.upstreams;
  const capabilities = ['HOST_CAPABILITY_PULL', ...(setup.tags ? ['HOST_CAPABILITY_RESOLVE'] : [])];
  const header =
    setup.token === undefined ? {} : { header: [{ key: 'Authorization', value: [`Bearer ${setup.token}`] }] };
  const registryHosts = upstreams.slice(0, MAX_REGISTRIES).map((upstream) => ({
    server: originOf(upstream),
    hosts: [
      ...setup.peers.map((host) => ({ host, capabilities, dialTimeout: '1s' })),
      { host: edgePathOf(setup, upstream), capabilities, overridePath: true, dialTimeout: '3s', ...header },
    ],
  }));
  const left = upstreams.slice(MAX_REGISTRIES).map((upstream) => nameOf(upstream));
  return {
    files:
      upstreams.length === 0
        ? []
        : [
            {
              path: 'containerd-config.yaml',
              content: yamlText({ containerdConfig: { registryHosts } }),
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
