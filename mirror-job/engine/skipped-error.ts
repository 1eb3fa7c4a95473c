import { brief } from '../../core/printable.ts';
import type { Outcome } from './report.ts';

/**
 * Something was left for the next run because the operator wanted it so, and not because it failed; the message is
 * the sentence that says why.
 */
export class SkippedError extends Error {
  override readonly name = 'SkippedError';
}

/**
 * What becomes of a tag by what was thrown. After the run was told to stop, all that breaks off breaks off for that.
 * @param signal the run's; a reason that is a SkippedError says what was not reached in its own words
 */
export function outcomeOf(error: unknown, { aborted, reason }: AbortSignal): Outcome {
  if (aborted) {
    const said = reason instanceof SkippedError ? reason.message : undefined;
    return { result: 'skipped', reason: said ?? 'The run was stopped before this was done.' };
  }
  if (error instanceof SkippedError) return { result: 'skipped', reason: error.message };
  return { result: 'failed', error: brief(error instanceof Error ? error.message : String(error)) };
}
