/** Makes the lines of the overview about one repository from its index and from what a run reports. Pure. */
import type { HeldLine, RepositoryLine } from '../../../core/overview.ts';
import { MAX_OVERVIEW_HELD } from '../../../core/overview.ts';
import type { Repository } from '../../../core/reference.ts';
import type { IndexEntry } from '../../../core/repository-index.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import type { ItemReport } from '../report.ts';
import { findWaiting, waitingUpstream, type TagStatus } from '../tags/tag-status.ts';

/** It survives JSON. */
export interface RepositoryOverview {
  readonly line: RepositoryLine;
  /** Oldest first, as many as an overview lists. */
  readonly held: readonly HeldLine[];
}

/**
 * @param items what the run reports of the repository
 * @param more.newest undefined if the run has not described the repository
 * @param more.now ISO 8601, UTC
 */
export function overviewOf(
  repository: Repository,
  entries: readonly IndexEntry[],
  items: readonly ItemReport[],
  { newest, now }: { readonly newest: RepositoryLine['newest']; readonly now: string },
): RepositoryOverview {
  const tags = entries.filter((entry) => entry.kind === 'tag' && !isReferrerTag(entry.tag));
  const held = heldIn(repository, entries, items);
  const isChecked = items.every(({ outcome: { result } }) => result !== 'failed' && result !== 'skipped');
  const line: RepositoryLine = {
    name: repository,
    tags: tags.length,
    pins: entries.filter(({ kind }) => kind === 'pin').length,
    held: held.length,
    gone: tags.filter((entry) => entry.kind === 'tag' && entry.gone !== undefined).length,
    ...(newest !== undefined && { newest }),
    ...(isChecked && { checked: now }),
  };
  const oldest = held.toSorted((one, other) => (one.since < other.since ? -1 : 1));
  return { line, held: oldest.slice(0, MAX_OVERVIEW_HELD) };
}

function heldIn(
  repository: Repository,
  entries: readonly IndexEntry[],
  items: readonly ItemReport[],
): HeldLine[] {
  const reasons = new Map(
    items.flatMap(({ reference, outcome }) =>
      outcome.result === 'held' ? [[reference, outcome.reason] as const] : [],
    ),
  );
  const firstSeen = new Map(
    entries.flatMap((entry) => (entry.kind === 'tag' ? [[entry.tag, entry.firstSeen] as const] : [])),
  );
  return findWaiting(entries).flatMap((status): HeldLine[] => {
    const { tag, digest } = status;
    const upstream = waitingUpstream(status);
    const since = upstream?.firstSeen ?? firstSeen.get(tag);
    if (digest === undefined || since === undefined || isReferrerTag(tag)) return [];
    return [
      {
        repository,
        tag,
        digest,
        ...(upstream !== undefined && { upstream: upstream.digest }),
        since,
        reason: reasons.get(tag) ?? reasonOf(status),
      },
    ];
  });
}

/** The reason for a tag that the run has not looked at. */
function reasonOf({ hold }: TagStatus): string {
  return hold === undefined ? 'Upstream has moved it.' : `It is held: ${hold.replace(/\.$/, '')}.`;
}
