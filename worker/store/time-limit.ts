/** Runs work with a time limit. A signal alone is not enough: an R2 binding takes none, and a body can stop half-way. */
import type { StartTimer } from '../isolate/edge-runtime.ts';

/**
 * @param run gets a function that starts the time anew with another limit, in milliseconds; Infinity for none
 * @throws the error of `lateError` once the time is up; the result of `run` is ignored after that
 */
export async function withinTime<T>(
  limitMs: number,
  startTimer: StartTimer,
  run: (signal: AbortSignal, restart: (limitMs: number) => void) => Promise<T>,
  lateError: () => Error,
): Promise<T> {
  if (limitMs <= 0) throw lateError();
  const controller = new AbortController();
  const timeUp = Promise.withResolvers<never>();
  const start = (delayMs: number) =>
    delayMs === Infinity
      ? () => {}
      : startTimer(delayMs, () => {
          timeUp.reject(lateError());
          controller.abort();
        });
  let stopTimer = start(limitMs);
  let isOver = false;
  const restart = (delayMs: number) => {
    if (isOver) return;
    stopTimer();
    stopTimer = start(delayMs);
  };
  try {
    return await Promise.race([run(controller.signal, restart), timeUp.promise]);
  } finally {
    isOver = true;
    stopTimer();
  }
}
