/** Runs with a limit. A signal alone would not do: an R2 binding takes none, and a body can stop half-way. */

/** Calls `fire` after so many milliseconds, unless the function that it returns is called before. */
export type StartTimer = (milliseconds: number, fire: () => void) => () => void;

/**
 * @param run is given a function that starts the time anew, with another limit; Infinity for none
 * @throws what `late` makes, once the time is up; whatever `run` does after that goes unheard
 */
export async function withinTime<T>(
  milliseconds: number,
  startTimer: StartTimer,
  run: (signal: AbortSignal, restart: (milliseconds: number) => void) => Promise<T>,
  late: () => Error,
): Promise<T> {
  if (milliseconds <= 0) throw late();
  const controller = new AbortController();
  const timeUp = Promise.withResolvers<never>();
  const start = (time: number) =>
    time === Infinity
      ? () => {}
      : startTimer(time, () => {
          timeUp.reject(late());
          controller.abort();
        });
  let stopTimer = start(milliseconds);
  let isOver = false;
  const restart = (time: number) => {
    if (isOver) return;
    stopTimer();
    stopTimer = start(time);
  };
  try {
    return await Promise.race([run(controller.signal, restart), timeUp.promise]);
  } finally {
    isOver = true;
    stopTimer();
  }
}

export function startRealTimer(milliseconds: number, fire: () => void): () => void {
  const timer = setTimeout(fire, milliseconds);
  return () => clearTimeout(timer);
}
