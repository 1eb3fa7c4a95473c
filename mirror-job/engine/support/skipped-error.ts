/**
 * Something was left for the next run because the operator wanted it so, and not because it failed. The message is a
 * sentence that says why.
 */
export class SkippedError extends Error {
  override readonly name = 'SkippedError';
}
