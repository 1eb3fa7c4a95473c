/**
 * Decides when the referrers of an unchanged image are requested again. Pure. Signatures, SBOMs and scans follow their image
 * within days, and later a daily request for each manifest of each image finds nothing.
 */
const WEEK_MS = 7 * 24 * 3_600_000;

export interface ReferrerTimes {
  /** When this digest was first seen upstream. ISO 8601. */
  readonly firstSeen: string;
  /** When its referrers were requested last; undefined if never. ISO 8601. */
  readonly referrersChecked?: string | undefined;
}

/**
 * @param everyMs the configured interval, which holds for the first week. Later it is a week, or `everyMs` if that is longer.
 *   False for never
 */
export function referrersAreDue(
  { firstSeen, referrersChecked }: ReferrerTimes,
  everyMs: number | false,
  now: Date,
): boolean {
  if (everyMs === false) return false;
  if (referrersChecked === undefined) return true;
  const isYoung = now.getTime() - Date.parse(firstSeen) < WEEK_MS;
  const intervalMs = isYoung ? everyMs : Math.max(everyMs, WEEK_MS);
  // A wrong clock may have written a time in the future, which must not delay the request until then.
  return Math.abs(now.getTime() - Date.parse(referrersChecked)) >= intervalMs;
}
