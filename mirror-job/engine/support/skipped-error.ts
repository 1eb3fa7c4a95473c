import { brief } from '../../../core/printable.ts';
import type { Outcome } from '../report.ts';

/**
 * Something was left for the next run because the operator wanted it so, and not because it failed. The message is a
 * sentence that says why.
 */
export class SkippedError extends Error {
  override readonly name = 'SkippedError';
}

/**
 * Turns an error into the outcome of a tag. Once the run was told to stop, every error counts as skipped, because stopping
 * causes most of them.
 * @param signal the run's; a SkippedError as its reason gives the sentence
 */
export function outcomeOf(error: unknown, { aborted, reason }: AbortSignal): Outcome {
  if (aborted) {
    const sentence = reason instanceof SkippedError ? reason.message : undefined;
    return { result: 'skipped', reason: sentence ?? 'The run was stopped before this was done.' };
  }
  if (error instanceof SkippedError) return { result: 'skipped', reason: error.message };
  return { result: 'failed', error: brief(error instanceof Error ? error.message : String(error)) };
}
