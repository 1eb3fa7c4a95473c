/** Longer than any run: what is meant by a number that no date can hold. Milliseconds. */
const LONGEST = 366 * 24 * 3_600_000;

/**
 * A Retry-After header, seconds or a date, in milliseconds from now; undefined for one that is neither, or missing.
 * https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
 */
export function parseRetryAfter(text: string | null, now: Date): number | undefined {
  if (text === null) return undefined;
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, LONGEST);
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.min(Math.max(0, date - now.getTime()), LONGEST);
}
