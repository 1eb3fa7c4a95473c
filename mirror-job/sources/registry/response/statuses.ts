/** The statuses of a registry's responses, by their meaning for the next request. */

/** The registry gets too many requests: fewer are sent at once. */
export const THROTTLING_STATUSES: ReadonlySet<number> = new Set([429, 503]);
/** Another attempt may bring another status. */
export const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);
/** Every 4xx that another attempt would not change. */
export const FINAL_CLIENT_ERRORS: readonly number[] = Array.from(
  { length: 100 },
  (_, index) => 400 + index,
).filter((status) => !RETRYABLE_STATUSES.has(status));
