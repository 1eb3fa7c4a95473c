/** k3s and RKE2: registries.yaml, from which they write containerd's configuration. */
import { edgePathOf, nameOf, originOf } from './address.ts';
import { limitsOf, type Abilities } from './limits.ts';
import type { ClientSetup, MirroredUpstream, RuntimeConfiguration } from './setup.ts';
import { yamlText } from './yaml-text.ts';

const ABILITIES: Abilities = {
  digestsOnly: 'registries.yaml has no capabilities',
  upstreamFirst: true,
  token: 'registries.yaml has no header',
  peers: true,
  everyRegistry: true,
};

export function k3s(setup: ClientSetup, runtime: 'k3s' | 'RKE2'): RuntimeConfiguration {
  const mirrors =
    setup.upstreams === 'all'
      ? { '*': { endpoint: [...setup.peers, setup.edge] } }
      : Object.fromEntries(
          setup.upstreams.map((upstream) => [
            nameOf(upstream),
            { endpoint: [...setup.peers, ...endpointsOf(setup, upstream)] },
          ]),
        );
  const name = runtime.toLowerCase();
  const services = runtime === 'k3s' ? 'k3s or k3s-agent' : 'rke2-server or rke2-agent';
  return {
    files: [
      {
        path: `etc/rancher/${name}/registries.yaml`,
        content: yamlText({ mirrors }),
        kind: 'shared',
        isSecret: false,
      },
    ],
    limits: limitsOf(runtime, setup, {
      ...ABILITIES,
      upstreamFirst: setup.upstreams === 'all' ? '"*" cannot name an upstream: name the registries' : true,
    }),
    steps: [`Restart ${services} on each node: the file is read at the start.`],
  };
}

/** The upstream is the last endpoint by default, and by https. Only the last one is left out of the list. */
function endpointsOf(setup: ClientSetup, upstream: MirroredUpstream): readonly string[] {
  const edge = edgePathOf(setup, upstream);
  if (setup.order === 'upstream-first') return [originOf(upstream), edge];
  return upstream.isInsecure ? [edge, originOf(upstream)] : [edge];
}
