/** BuildKit: the mirrors of buildkitd.toml. */
import { edgeHostOf, edgeLocationOf, isInsecureEdge, nameOf } from './address.ts';
import { limitsOf, type Abilities } from './limits.ts';
import type { ClientSetup, RuntimeConfiguration } from './setup.ts';
import { tomlText } from './text.ts';

const ABILITIES: Abilities = {
  digestsOnly: 'its mirrors get all pulls',
  upstreamFirst: 'it asks mirrors first, always',
  token:
    'its mirrors have no header. Log in to the edge with any user and the token as the password (docker login), and set AUTH_CHALLENGE = "basic" at the edge; docs/clients.md says what that costs',
  peers: 'peers speak to containerd alone',
  everyRegistry: 'buildkitd.toml names each registry: name them with --upstream',
};

export function buildkit(setup: ClientSetup): RuntimeConfiguration {
  const upstreams = setup.upstreams === 'all' ? [] : setup.upstreams;
  const registry = {
    ...Object.fromEntries(
      upstreams.map((upstream) => [
        nameOf(upstream),
        { mirrors: [edgeLocationOf(setup, upstream)], ...(upstream.isInsecure && { http: true }) },
      ]),
    ),
    ...(isInsecureEdge(setup) && { [edgeHostOf(setup)]: { http: true } }),
  };
  return {
    files:
      upstreams.length === 0
        ? []
        : [
            {
              path: 'etc/buildkit/buildkitd.toml',
              content: tomlText({ registry }),
              kind: 'shared',
              isSecret: false,
            },
          ],
    limits: limitsOf('BuildKit', setup, ABILITIES),
    steps:
      upstreams.length === 0
        ? []
        : [
            'Restart buildkitd. For docker buildx: docker buildx create --use --buildkitd-config buildkitd.toml',
            'BuildKit inside of Docker Engine uses the registry-mirrors of Docker instead.',
          ],
  };
}
