/** Makes the lines of the overview about one repository from its index and from what a run reports. Pure. */
import { heldReason } from '../../../core/held.ts';
import type { HeldLine, RepositoryLine } from '../../../core/overview.ts';
import { MAX_OVERVIEW_HELD } from '../../../core/overview.ts';
import type { Repository } from '../../../core/reference.ts';
import type { IndexEntry } from '../../../core/repository-index.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import type { Held, ItemReport } from '../report.ts';
import { findWaiting, waitingUpstream } from '../tags/tag-status.ts';

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
  const outcomes = new Map(
    items.flatMap(({ reference, outcome }): [typeof reference, Held][] =>
      outcome.result === 'held' ? [[reference, outcome]] : [],
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
    // A tag that the run has not looked at has none.
    const { reason = heldReason(status.hold), until } = outcomes.get(tag) ?? {};
    return [
      {
        repository,
        tag,
        digest,
        ...(upstream !== undefined && { upstream: upstream.digest }),
        since,
        reason,
        ...(until !== undefined && { until }),
      },
    ];
  });
}
