/** Docker Engine: one mirror of Docker Hub in daemon.json. */
import { DOCKER_HUB } from '../../core/reference.ts';
import { edgeHostOf, isInsecureEdge, nameOf } from './address.ts';
import { limitsOf, type Abilities } from './limits.ts';
import type { ClientSetup, RuntimeConfiguration } from './setup.ts';
import { jsonText } from './text.ts';

const ABILITIES: Abilities = {
  digestsOnly: 'a registry mirror gets all pulls of Docker Hub',
  upstreamFirst: 'it asks registry mirrors first, always',
  token:
    'it sends no header. It would answer a challenge with your Docker Hub login: leave the challenge off',
  peers: 'peers speak to containerd alone',
  everyRegistry: 'registry mirrors are for Docker Hub alone',
};

export function docker(setup: ClientSetup): RuntimeConfiguration {
  const upstreams = setup.upstreams === 'all' ? [] : setup.upstreams;
  const others = upstreams.filter(({ name }) => name !== DOCKER_HUB);
  const hasHub = setup.upstreams === 'all' || others.length < upstreams.length;
  const settings = {
    'registry-mirrors': [setup.edge],
    // A mirror is asked in plain HTTP without it. A pull by the edge's name is not.
    ...(isInsecureEdge(setup) && others.length > 0 && { 'insecure-registries': [edgeHostOf(setup)] }),
  };
  return {
    files: hasHub
      ? [{ path: 'etc/docker/daemon.json', content: jsonText(settings), kind: 'shared', isSecret: false }]
      : [],
    limits: [
      ...limitsOf('Docker', setup, ABILITIES),
      ...others.map(
        (upstream) =>
          `Docker does not ask the edge for ${nameOf(upstream)}, because registry mirrors are for Docker Hub alone. Pull by the edge's name${isInsecureEdge(setup) ? ', which has to be in insecure-registries' : ''}: docker pull ${edgeHostOf(setup)}/${upstream.name}/…`,
      ),
    ],
    steps: hasHub ? ['systemctl reload docker'] : [],
  };
}
