/**
 * `state/<name>/overview.json`: one line for each repository of one configuration, the tags that are held, and the clusters
 * whose lists were read, for pages and metrics.
 */
import type { Digest } from './digest.ts';
import { encodeShown, Fields } from './fields.ts';
import { heldReason } from './held.ts';
import type { Repository, Tag } from './reference.ts';

const VERSION = 1;
/** The first ones by name stay. */
export const MAX_OVERVIEW_REPOSITORIES = 10_000;
/** The oldest ones stay. A repository's line counts all of its own. */
export const MAX_OVERVIEW_HELD = 200;
const MAX_CLUSTERS = 1000;

export interface RepositoryLine {
  readonly name: Repository;
  /** How many tags can be pulled, without those that name referrers of a digest (`sha256-…`). */
  readonly tags: number;
  readonly pins: number;
  /** How many of the tags do not follow upstream. */
  readonly held: number;
  /** How many of the tags upstream lacks. */
  readonly gone: number;
  /** The tag that moved last, of those that are described; undefined if none is. */
  readonly newest?: { readonly tag: Tag; readonly moved: string };
  /**
   * When a run last looked at upstream for all that it was told to mirror of it, and nothing failed; undefined if none has.
   * ISO 8601, UTC.
   */
  readonly checked?: string;
}

/** A tag that does not follow upstream. */
export interface HeldLine {
  readonly repository: Repository;
  readonly tag: Tag;
  /** The mirror's. */
  readonly digest: Digest;
  /** Upstream's, which waits; undefined if upstream has not moved. */
  readonly upstream?: Digest;
  /** When upstream's digest was first seen, else when the mirror's was. ISO 8601, UTC. */
  readonly since: string;
  /** A sentence. */
  readonly reason: string;
  /** From when on the tag moves by itself, with the first run after that; undefined if somebody has to move it. ISO 8601, UTC. */
  readonly until?: string;
}

export interface ClusterLine {
  readonly name: string;
  /** When somebody looked at the cluster last. ISO 8601, UTC. */
  readonly observed: string;
  readonly images: number;
}

export interface Overview {
  /** The last run that wrote it. */
  readonly run: string;
  readonly ended: string;
  /** Sorted by name. */
  readonly repositories: readonly RepositoryLine[];
  /** Oldest first. */
  readonly held: readonly HeldLine[];
  /** All of them, also those that the list has no room for. */
  readonly heldCount: number;
  /** Sorted by name. */
  readonly clusters: readonly ClusterLine[];
}

/** One run's part of the overview. */
export interface OverviewChange {
  readonly run: string;
  readonly ended: string;
  /** Each repository that the run has looked at. A line without `newest` or `checked` keeps the earlier one's. */
  readonly repositories: readonly RepositoryLine[];
  /** Of these repositories. */
  readonly held: readonly HeldLine[];
  /** Undefined if the run has read no lists; the earlier ones stay then. */
  readonly clusters?: readonly ClusterLine[] | undefined;
}

/** Replaces the lines of what a run has looked at, and keeps the others. @param earlier undefined if there is none */
export function mergeOverview(earlier: Overview | undefined, change: OverviewChange): Overview {
  const { run, ended } = change;
  const lines = new Map(earlier?.repositories.map((line) => [line.name, line]));
  for (const line of change.repositories) {
    const before = lines.get(line.name);
    const newest = line.newest ?? before?.newest;
    const checked = line.checked ?? before?.checked;
    lines.set(line.name, {
      ...line,
      ...(newest !== undefined && { newest }),
      ...(checked !== undefined && { checked }),
    });
  }
  const anew = new Set(change.repositories.map(({ name }) => name));
  const kept = earlier?.held.filter(({ repository }) => !anew.has(repository)) ?? [];
  const held = change.held.map((line) => withEarlierReason(line, earlier?.held ?? []));
  return ordered({
    run,
    ended,
    repositories: [...lines.values()],
    held: [...kept, ...held],
    clusters: change.clusters ?? earlier?.clusters ?? [],
  });
}

/** A run that has not looked at a tag does not know why policy holds it. The reason is still that of the same digests. */
function withEarlierReason(line: HeldLine, earlier: readonly HeldLine[]): HeldLine {
  if (line.reason !== heldReason(undefined)) return line;
  const same = earlier.find(
    ({ repository, tag, digest, upstream }) =>
      repository === line.repository &&
      tag === line.tag &&
      digest === line.digest &&
      upstream === line.upstream,
  );
  return same ?? line;
}

/** Takes the lines of a repository away. @returns undefined if there is none */
export function withoutRepository(overview: Overview, gone: Repository): Overview | undefined {
  const repositories = overview.repositories.filter(({ name }) => name !== gone);
  const held = overview.held.filter(({ repository }) => repository !== gone);
  const isSame = repositories.length === overview.repositories.length && held.length === overview.held.length;
  return isSame ? undefined : ordered({ ...overview, repositories, held });
}

/** Sorts, and keeps the bounds. */
function ordered(overview: Omit<Overview, 'heldCount'>): Overview {
  const repositories = overview.repositories.toSorted(byName).slice(0, MAX_OVERVIEW_REPOSITORIES);
  return {
    run: overview.run,
    ended: overview.ended,
    repositories,
    held: overview.held
      .toSorted((one, other) => (heldKey(one) < heldKey(other) ? -1 : 1))
      .slice(0, MAX_OVERVIEW_HELD),
    heldCount: repositories.reduce((sum, { held }) => sum + held, 0),
    clusters: overview.clusters.toSorted(byName).slice(0, MAX_CLUSTERS),
  };
}

function byName(one: { readonly name: string }, other: { readonly name: string }): number {
  return one.name < other.name ? -1 : 1;
}

function heldKey({ since, repository, tag }: HeldLine): string {
  return `${since} ${repository} ${tag}`;
}

export function encodeOverview(overview: Overview): Uint8Array<ArrayBuffer> {
  return encodeShown({ version: VERSION, ...overview });
}

/** @throws {BucketObjectInvalidError} */
export function decodeOverview(key: string, bytes: Uint8Array): Overview {
  const fields = Fields.parse(key, bytes, VERSION);
  return {
    run: fields.text('run'),
    ended: fields.time('ended'),
    repositories: fields.list('repositories', MAX_OVERVIEW_REPOSITORIES, decodeLine),
    held: fields.list('held', MAX_OVERVIEW_HELD, decodeHeld),
    heldCount: fields.count('heldCount'),
    clusters: fields.list('clusters', MAX_CLUSTERS, (cluster) => ({
      name: cluster.text('name'),
      observed: cluster.time('observed'),
      images: cluster.count('images'),
    })),
  };
}

function decodeLine(line: Fields): RepositoryLine {
  return {
    name: line.repository('name'),
    tags: line.count('tags'),
    pins: line.count('pins'),
    held: line.count('held'),
    gone: line.count('gone'),
    ...line.optional('newest', (name) => {
      const newest = line.object(name);
      return { tag: newest.tag('tag'), moved: newest.time('moved') };
    }),
    ...line.optional('checked', (name) => line.time(name)),
  };
}

function decodeHeld(line: Fields): HeldLine {
  return {
    repository: line.repository('repository'),
    tag: line.tag('tag'),
    digest: line.digest('digest'),
    ...line.optional('upstream', (name) => line.digest(name)),
    since: line.time('since'),
    reason: line.text('reason'),
    ...line.optional('until', (name) => line.time(name)),
  };
}
