/** All ways to name a repository lead to the same one, whatever its path looks like. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { DOCKER_HUB, parseUpstream, type Upstream } from '../../../core/reference.ts';
import { parseRequest } from '../../../worker/request/request.ts';
import { components, upstreams } from '../../core/arbitraries.ts';

const HOST = 'edge.example.com';

/** First parts of a path. Some of them could also be hosts. */
const firsts = fc.oneof(
  components,
  fc.constantFrom('google.com', 'my.group', 'group_1', 'localhost', 'docker.io', 'ghcr.io', 'library'),
);
/** Paths have at least two parts, so that Docker Hub adds no `library/`. */
const paths = fc
  .tuple(firsts, fc.array(components, { minLength: 1, maxLength: 3 }))
  .map(([first, rest]) => [first, ...rest].join('/'));
const hosts = fc.oneof(upstreams, fc.constantFrom('docker.io', 'gcr.io', 'registry.gitlab.com', 'localhost'));

function repositoryAt(path: string, upstreamOfHost?: Upstream): string | undefined {
  const request = parseRequest('GET', new URL(`https://${HOST}/v2/${path}`), {
    defaultUpstream: DOCKER_HUB,
    hosts: new Map(upstreamOfHost === undefined ? [] : [[HOST, upstreamOfHost]]),
  });
  return 'name' in request ? request.name.repository : undefined;
}

/** The value of containerd's `?ns=` for this upstream, with the port after a colon. */
function namespaceOf(upstream: Upstream): string {
  return encodeURIComponent(upstream.replace(/_(\d+)$/, ':$1'));
}

it('property: a prefix, "ns", both of them, and a configured host name lead to the same repository', () => {
  fc.assert(
    fc.property(hosts, paths, hosts, (host, path, other) => {
      const upstream = parseUpstream(host);
      // If a path begins with its upstream, the edge assumes that the upstream was written twice, so such paths are left out.
      fc.pre(path.split('/', 1)[0] !== upstream);
      const repository = `${upstream}/${path}`;
      fc.pre(repository.length <= 255);
      const ns = `ns=${namespaceOf(upstream)}`;
      expect({
        prefix: repositoryAt(`${repository}/tags/list`),
        ns: repositoryAt(`${path}/tags/list?${ns}`),
        both: repositoryAt(`${repository}/tags/list?${ns}`),
        hostName: repositoryAt(`${path}/tags/list`, upstream),
        hostNameAndPrefix: repositoryAt(`${repository}/tags/list`, upstream),
        nsOverHostName: repositoryAt(`${path}/tags/list?${ns}`, parseUpstream(other)),
      }).toEqual({
        prefix: repository,
        ns: repository,
        both: repository,
        hostName: repository,
        hostNameAndPrefix: repository,
        nsOverHostName: repository,
      });
    }),
    { numRuns: 1000 },
  );
});
