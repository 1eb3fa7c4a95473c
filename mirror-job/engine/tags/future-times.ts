/**
 * Corrects times in a repository's index that lie in the future, because a job with a wrong clock wrote them: `minAge` would hold
 * a digest that was first seen in 2030 for years. Pure. docs/decisions/0089-order-and-age.md
 */
import type { IndexEntry } from '../../../core/repository-index.ts';
import { MAX_CLOCK_DIFFERENCE_MS } from '../support/server-clock.ts';
import { orderOf } from './tag-policy.ts';

/** The clocks of two jobs may be wrong in opposite directions, so their times differ by up to twice the bound. */
const TOLERANCE_MS = 2 * MAX_CLOCK_DIFFERENCE_MS;

/**
 * Replaces each time in the future by `now`, so that the age grows from now on. The order of the sightings stays.
 * @returns the entry itself if it has no such time
 */
export function withoutFutureTimes(entry: IndexEntry, now: Date): IndexEntry {
  // All times are written in one form, which sorts as text.
  const latest = new Date(now.getTime() + TOLERANCE_MS).toISOString();
  const isFuture = (time: string | undefined): boolean => time !== undefined && time > latest;
  const bounded = <Time extends string | undefined>(time: Time): Time | string =>
    isFuture(time) ? now.toISOString() : time;
  const { firstSeen } = entry;
  if (entry.kind === 'pin') return isFuture(firstSeen) ? { ...entry, firstSeen: bounded(firstSeen) } : entry;
  const { returned } = entry;
  const other = entry.kind === 'tag' ? entry.gone : entry.left;
  if (![firstSeen, returned, other].some((time) => isFuture(time))) return entry;
  const times = { firstSeen: bounded(firstSeen), returned: bounded(returned), sightings: orderOf(entry) };
  return entry.kind === 'tag'
    ? { ...entry, ...times, gone: bounded(entry.gone) }
    : { ...entry, ...times, left: bounded(entry.left) };
}
