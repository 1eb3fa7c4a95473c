/** Longer than any run. It replaces numbers that no date can hold. */
const LONGEST_MS = 366 * 24 * 3_600_000;

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const TIME = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`;
/** https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats */
const HTTP_DATES = [
  String.raw`[A-Z][a-z]{2}, (?<day>\d\d) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) ${TIME} GMT`,
  String.raw`[A-Z][a-z]{5,8}, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) ${TIME} GMT`,
  String.raw`[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) ${TIME} (?<year>\d{4})`,
].map((pattern) => new RegExp(`^${pattern}$`));

/**
 * Reads a Retry-After header, which has seconds or a date. Some registries send fractions of a second. They are rounded up,
 * because the registry asked for that fraction of a second too.
 * https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
 * @returns milliseconds from now; undefined for a header that is missing, or neither seconds nor a date
 */
export function parseRetryAfter(text: string | null, now: Date): number | undefined {
  const value = text?.trim() ?? '';
  if (/^\d+(?:\.\d+)?$/.test(value)) return Math.min(Math.ceil(Number(value)) * 1000, LONGEST_MS);
  const dateMs = parseHttpDate(value, now);
  return dateMs === undefined ? undefined : Math.min(Math.max(0, dateMs - now.getTime()), LONGEST_MS);
}

/**
 * `Date.parse` is not used, because it takes "1.5" and "soon 5" for dates.
 * @returns milliseconds since 1970
 */
function parseHttpDate(text: string, now: Date): number | undefined {
  const groups = HTTP_DATES.map((pattern) => pattern.exec(text)?.groups).find((found) => found !== undefined);
  if (groups === undefined) return undefined;
  const [day = 0, hour = 0, minute = 0, second = 0] = ['day', 'hour', 'minute', 'second'].map((name) =>
    Number(groups[name]),
  );
  const month = MONTHS.indexOf(groups['month'] ?? '');
  const year = wholeYear(groups['year'] ?? '', now);
  const midnight = new Date(Date.UTC(year, month, day));
  // JavaScript turns a day that does not exist into another day. The second 60 is valid: it is a leap second.
  const isDay = midnight.getUTCMonth() === month && midnight.getUTCDate() === day;
  if (!isDay || hour > 23 || minute > 59 || second > 60) return undefined;
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}

/** A year of two digits is at most fifty years ahead, by the definition of HTTP. */
function wholeYear(year: string, now: Date): number {
  if (year.length === 4) return Number(year);
  const ahead = Math.floor(now.getUTCFullYear() / 100) * 100 + Number(year);
  return ahead > now.getUTCFullYear() + 50 ? ahead - 100 : ahead;
}
