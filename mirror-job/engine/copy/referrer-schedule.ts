/**
 * When an unchanged image is asked for its referrers again. Pure. Signatures, SBOMs and scans follow their image
 * within days; after that a request a day for each manifest of each image finds nothing.
 */

/** Milliseconds. */
const YOUNG = 7 * 24 * 3_600_000;
/** Milliseconds between two questions about an image that is young no more. */
const WEEKLY = YOUNG;

export interface ReferrerTimes {
  /** When this digest was first seen upstream. ISO 8601. */
  readonly firstSeen: string;
  /** When its referrers were asked for last; undefined if never. ISO 8601. */
  readonly referrersChecked?: string | undefined;
}

/**
 * @param every as configured, in milliseconds, for the first week; then weekly, or `every` if that is longer. False
 *   for never
 */
export function referrersAreDue(
  { firstSeen, referrersChecked }: ReferrerTimes,
  every: number | false,
  now: Date,
): boolean {
  if (every === false) return false;
  if (referrersChecked === undefined) return true;
  const isYoung = now.getTime() - Date.parse(firstSeen) < YOUNG;
  const interval = isYoung ? every : Math.max(every, WEEKLY);
  // A clock that was wrong has noted a time that is yet to come: it must not silence the question until then.
  return Math.abs(now.getTime() - Date.parse(referrersChecked)) >= interval;
}
