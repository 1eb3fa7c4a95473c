/** Repositories that are made up. The job's own rules say which tags are held and why, and in which order tags are. */
import { parseDigest, type Digest } from '../../core/digest.ts';
import { OCI_INDEX } from '../../core/media-type.ts';
import { parseRepository, parseTag, type Repository, type Tag } from '../../core/reference.ts';
import type { DescribedPlatform, DescribedTag } from '../../core/repository-description.ts';
import type { IndexEntry, TagEntry } from '../../core/repository-index.ts';
import { overviewOf, type RepositoryOverview } from '../../mirror-job/engine/description/overview-line.ts';
import type { ReferrerCounts } from '../../mirror-job/engine/description/referrer-kinds.ts';
import { FOLLOW, type MovePolicy } from '../../mirror-job/engine/image.ts';
import type { ItemReport } from '../../mirror-job/engine/report.ts';
import { sortNewestFirst } from '../../mirror-job/engine/selection/selection-version.ts';
import { heldOutcome } from '../../mirror-job/engine/tags/hold-text.ts';
import { decideMove, type ObservedDigest } from '../../mirror-job/engine/tags/tag-policy.ts';
import { findWaiting, waitingUpstream } from '../../mirror-job/engine/tags/tag-status.ts';
import { sha256 } from '../support/pages/bucket-objects.ts';

export const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

export interface DemoTag {
  readonly tag: string;
  /** How long ago the tag moved. */
  readonly ageMs: number;
  /** Made from the name if it is left out. */
  readonly digest?: Digest;
  readonly hold?: string;
  /** How long ago upstream deleted the tag. */
  readonly goneMs?: number;
  readonly storedPlatforms?: readonly string[];
  /** How long ago upstream moved the tag, and the policy by which the mirror does not follow. */
  readonly waiting?: { readonly ageMs: number } & Partial<MovePolicy>;
}

export interface DemoRepository {
  readonly name: Repository;
  /** In the order in which the job describes them. */
  readonly tags: readonly (DemoTag & { readonly entry: TagEntry })[];
  readonly entries: readonly IndexEntry[];
  /** The held tags, as the last run reports them. */
  readonly items: readonly ItemReport[];
}

export function digestOf(text: string): Digest {
  return parseDigest(sha256(text));
}

/** @param now the time of the last run. Milliseconds since 1970 */
export function demoRepository(name: string, tags: readonly DemoTag[], now: number): DemoRepository {
  const repository = parseRepository(name);
  const entries: IndexEntry[] = [];
  const items: ItemReport[] = [];
  const all = tags.map((given) => {
    const tag = parseTag(given.tag);
    const entry = entryOf(given, tag, now);
    entries.push(entry);
    if (given.waiting !== undefined) {
      const { ageMs, ...moves } = given.waiting;
      const upstream = { digest: digestOf(`${name}:${tag} waiting`), firstSeen: timeOf(now - ageMs) };
      entries.push({ kind: 'candidate', tag, mediaType: OCI_INDEX, size: 9_218, ...upstream });
      items.push({ repository, reference: tag, outcome: outcomeOf(repository, entry, upstream, moves, now) });
    }
    return { ...given, tag, entry };
  });
  return { name: repository, tags: sortNewestFirst(all), entries, items };
}

function entryOf({ ageMs, digest, hold, goneMs, storedPlatforms }: DemoTag, tag: Tag, now: number): TagEntry {
  return {
    kind: 'tag',
    tag,
    mediaType: OCI_INDEX,
    digest: digest ?? digestOf(tag),
    size: 9_218,
    firstSeen: timeOf(now - ageMs),
    referrersChecked: timeOf(now - HOUR),
    hold,
    gone: goneMs === undefined ? undefined : timeOf(now - goneMs),
    platforms: storedPlatforms,
  };
}

function outcomeOf(
  repository: Repository,
  { tag, digest, firstSeen, hold }: TagEntry,
  upstream: ObservedDigest,
  moves: Partial<MovePolicy>,
  now: number,
) {
  const policy = { ...FOLLOW, ...moves };
  const current = { digest, firstSeen, hold };
  const at = new Date(now);
  const decision = decideMove({ current, others: [upstream], upstream }, policy, at);
  if (decision.kind !== 'hold') throw new Error(`${tag} of the demo would not be held.`);
  return heldOutcome({ repository, tag, digest, upstream }, decision.cause, policy, at);
}

/** The lines of the overview, as a run makes them from the index and from its report. */
export function overviewLines(
  { name, tags, entries, items }: DemoRepository,
  now: number,
): RepositoryOverview {
  const [last] = tags.toSorted((one, other) => one.ageMs - other.ageMs);
  const newest = last && { tag: last.entry.tag, moved: timeOf(now - last.ageMs) };
  return overviewOf(name, entries, items, { newest, now: timeOf(now) });
}

/**
 * The descriptions of all tags.
 * @param measure the platforms of an image that is as old as that, and what refers to it
 */
export function describedTags(
  { tags, entries }: DemoRepository,
  now: number,
  measure: (tag: DemoTag) => ReferrerCounts & { readonly platforms: readonly DescribedPlatform[] },
): readonly DescribedTag[] {
  const waiting = new Map(findWaiting(entries).map((status) => [status.tag, waitingUpstream(status)]));
  return tags.map((given): DescribedTag => {
    const { tag, digest, mediaType, firstSeen, hold, gone, platforms: storedPlatforms } = given.entry;
    const measured = measure(given);
    const upstream = waiting.get(tag);
    return {
      tag,
      digest,
      mediaType,
      firstSeen,
      bytes: measured.platforms.reduce((sum, { bytes }) => sum + bytes, 0),
      ...measured,
      ...(storedPlatforms !== undefined && { storedPlatforms }),
      referrersChecked: timeOf(now - HOUR),
      moved: firstSeen,
      run: runIdAt(now - given.ageMs),
      ...(hold !== undefined && { hold }),
      ...(upstream !== undefined && {
        upstream: { digest: upstream.digest, firstSeen: upstream.firstSeen },
      }),
      ...(gone !== undefined && { gone }),
      movements: movementsOf(given, digest, now),
    };
  });
}

function movementsOf({ tag, ageMs, hold }: DemoTag, digest: Digest, now: number): DescribedTag['movements'] {
  const at = (age: number) => ({ at: timeOf(now - age), run: runIdAt(now - age) });
  const [first, before] = [digestOf(`${tag} first`), digestOf(`${tag} before`)];
  const last =
    hold === undefined
      ? { why: 'upstream moved' }
      : { why: hold.replace(' by hand', ''), by: 'alice@laptop' };
  return [
    { ...at(ageMs), from: before, to: digest, ...last },
    {
      ...at(ageMs + 31 * DAY),
      from: first,
      to: before,
      why: 'approved: tested in staging',
      by: 'alice@laptop',
    },
    { ...at(ageMs + 64 * DAY), to: first, why: 'first seen' },
  ];
}

export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** The id of a run that began then, in the form of the job's. */
export function runIdAt(ms: number): string {
  return `${timeOf(ms).replaceAll(/[-:]/g, '')}-6e1f0a`;
}
