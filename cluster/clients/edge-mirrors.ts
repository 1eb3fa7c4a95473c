/** The edge in the words of mirror sets, for the runtimes whose files are made of such. */
import type { SourceMirrors } from '../merging/mirror-set.ts';
import { edgeHostOf, edgeLocationOf, isInsecureEdge, nameOf } from './address.ts';
import type { ClientSetup } from './setup.ts';

/** @returns a source for each upstream; none for "every registry", which mirror sets cannot express */
export function edgeMirrorsOf(setup: ClientSetup): readonly SourceMirrors[] {
  const upstreams = setup.upstreams === 'all' ? [] : setup.upstreams;
  return upstreams.map((upstream) => {
    const source = nameOf(upstream);
    const edge = edgeLocationOf(setup, upstream);
    const mirrors = setup.order === 'mirror-first' ? [edge] : [source, edge];
    return { source, policy: 'AllowContactingSource', digests: mirrors, tags: setup.tags ? mirrors : [] };
  });
}

/** The hosts that these setups reach by plain HTTP, each with its port if it has one. */
export function insecureHostsOf(setups: readonly ClientSetup[]): ReadonlySet<string> {
  const hosts = setups.flatMap((setup) => [
    ...(isInsecureEdge(setup) ? [edgeHostOf(setup)] : []),
    ...(setup.upstreams === 'all' ? [] : setup.upstreams.filter(({ isInsecure }) => isInsecure).map(nameOf)),
  ]);
  return new Set(hosts);
}
