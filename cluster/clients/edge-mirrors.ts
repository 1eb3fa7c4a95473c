/** Edges in the words of mirror sets, for the runtimes whose files are made of such. */
import { mirrorProblem } from '../merging/location.ts';
import { mergeMirrorSets } from '../merging/merged-mirrors.ts';
import type { MirrorSet, SourceMirrors } from '../merging/mirror-set.ts';
import { plainMirrorSet } from '../merging/plain-set.ts';
import { edgeHostOf, edgeLocationOf, isInsecureEdge, nameOf } from './address.ts';
import type { ClientSetup } from './setup.ts';

/** The mirrors of one file: those of one edge, or the merged sets of several teams. */
export interface MirrorSetup {
  readonly sources: readonly SourceMirrors[];
  /** The edges among the mirrors. Mirror sets say less of the others: not whether they are reached by plain HTTP, for one. */
  readonly edges: readonly ClientSetup[];
  /** Sentences about what was merged. */
  readonly warnings: readonly string[];
}

/**
 * One edge, and nobody else's mirrors. It has no source for "every registry", which mirror sets cannot express, and none at all if
 * the edge's host cannot be part of an image's name.
 */
export function edgeAlone(setup: ClientSetup): MirrorSetup {
  const host = edgeHostOf(setup);
  if (mirrorProblem(host) !== undefined) {
    const warning = `${host} cannot be part of an image's name, and mirrors are written as such names here, so no file was made. Give the edge a host name; an IPv6 address is none.`;
    return { sources: [], edges: [setup], warnings: [warning] };
  }
  return { sources: sourcesOf(setup), edges: [setup], warnings: [] };
}

/** The edge of a team. */
export interface NamedEdge {
  /** If sets contradict each other, the one whose name sorts first prevails. */
  readonly name: string;
  /** The file that it comes from, for messages. */
  readonly file: string | undefined;
  readonly setup: ClientSetup;
  /** Whether it is asked before the mirrors of all others. */
  readonly isPreferred: boolean;
}

/**
 * @throws {MirrorConflictError}
 * @throws {MirrorSetInvalidError} for an edge whose host cannot be part of an image's name
 */
export function mergeWithEdges(edges: readonly NamedEdge[], sets: readonly MirrorSet[]): MirrorSetup {
  const { sources, warnings } = mergeMirrorSets([...edges.map(mirrorSetOf), ...sets]);
  const setups = edges.map(({ setup }) => setup);
  return {
    sources,
    edges: setups,
    warnings: [
      ...warnings,
      ...setups.flatMap((setup) => hiddenSources(setup, sources)),
      ...(sources.length === 0
        ? ['No set has a mirror other than its source, so there is nothing to write.']
        : []),
    ],
  };
}

/** The hosts that are reached by plain HTTP, each with its port if it has one. */
export function insecureHostsOf(setups: readonly ClientSetup[]): ReadonlySet<string> {
  const hosts = setups.flatMap((setup) => [
    ...(isInsecureEdge(setup) ? [edgeHostOf(setup)] : []),
    ...(setup.upstreams === 'all' ? [] : setup.upstreams.filter(({ isInsecure }) => isInsecure).map(nameOf)),
  ]);
  return new Set(hosts);
}

function sourcesOf(setup: ClientSetup): readonly SourceMirrors[] {
  const upstreams = setup.upstreams === 'all' ? [] : setup.upstreams;
  return upstreams.map((upstream) => {
    const source = nameOf(upstream);
    const edge = edgeLocationOf(setup, upstream);
    const mirrors = setup.order === 'mirror-first' ? [edge] : [source, edge];
    return { source, policy: 'AllowContactingSource', digests: mirrors, tags: setup.tags ? mirrors : [] };
  });
}

function mirrorSetOf({ name, file: position, setup, isPreferred }: NamedEdge): MirrorSet {
  const rules = (['digests', 'tags'] as const).flatMap((pulls) =>
    sourcesOf(setup)
      .map(({ source, policy, [pulls]: mirrors }) => ({ source, mirrors, pulls, policy, position }))
      .filter(({ mirrors }) => mirrors.length > 0),
  );
  return { ...plainMirrorSet(name, rules), isPreferred };
}

/** For a pull, only the rules of the longest source that matches count, so a longer one takes images away from the edge. */
function hiddenSources(setup: ClientSetup, sources: readonly SourceMirrors[]): readonly string[] {
  const host = edgeHostOf(setup);
  return sourcesOf(setup).flatMap(({ source: short }) =>
    sources
      .filter(({ source, digests, tags }) => {
        const isAsked = [...digests, ...tags].some((mirror) => mirror.startsWith(`${host}/`));
        return source.startsWith(`${short}/`) && !isAsked;
      })
      .map(
        ({ source }) =>
          `${source}: its own rules alone count there, so ${host} is not asked for it, but only for the rest of ${short}. Add ${host} to its mirrors if that is not meant.`,
      ),
  );
}
