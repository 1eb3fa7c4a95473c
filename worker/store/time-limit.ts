/** Runs with a limit. A signal alone would not do: an R2 binding takes none, and a body can stop half-way. */

/** Calls `fire` after so many milliseconds, unless the function that it returns is called before. */
export type StartTimer = (milliseconds: number, fire: () => void) => () => void;

/** @throws what `late` makes, once the time is up; whatever `run` does after that goes unheard */
export async function withinTime<T>(
  milliseconds: number,
  startTimer: StartTimer,
  run: (signal: AbortSignal) => Promise<T>,
  late: () => Error,
): Promise<T> {
  if (milliseconds <= 0) throw late();
  const controller = new AbortController();
  const timeUp = Promise.withResolvers<never>();
  const stopTimer = startTimer(milliseconds, () => {
    timeUp.reject(late());
    controller.abort();
  });
  try {
    return await Promise.race([run(controller.signal), timeUp.promise]);
  } finally {
    stopTimer();
  }
}

export function startRealTimer(milliseconds: number, fire: () => void): () => void {
  const timer = setTimeout(fire, milliseconds);
  return () => clearTimeout(timer);
}
