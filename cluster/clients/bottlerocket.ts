/** Bottlerocket: user data in TOML. */
import { nameOf, originOf } from './address.ts';
import { limitsOf, type Abilities } from './limits.ts';
import type { ClientSetup, RuntimeConfiguration } from './setup.ts';
import { tomlText } from './text.ts';

const ABILITIES: Abilities = {
  digestsOnly: 'its mirrors get all pulls',
  upstreamFirst: 'it asks mirrors first, always',
  token: 'its mirrors have no header',
  peers: true,
  everyRegistry: true,
};

/** An endpoint is a host without a path, so the edge learns from `?ns=` which registry is meant. */
export function bottlerocket(setup: ClientSetup): RuntimeConfiguration {
  const endpoint = [...setup.peers, setup.edge];
  const mirrors =
    setup.upstreams === 'all'
      ? [{ registry: '*', endpoint }]
      : setup.upstreams.map((upstream) => ({
          registry: nameOf(upstream),
          // The fallback would be asked by https.
          endpoint: upstream.isInsecure ? endpoint.concat(originOf(upstream)) : endpoint,
        }));
  return {
    files: [
      {
        path: 'user-data.toml',
        content: tomlText({ settings: { 'container-registry': { mirrors } } }),
        kind: 'shared',
        isSecret: false,
      },
    ],
    limits: limitsOf('Bottlerocket', setup, ABILITIES),
    steps: ['Add this to the user data of the nodes.'],
  };
}
