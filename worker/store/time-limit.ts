/** Runs with a limit. A clock alone would not do: an R2 binding takes no signal, and a dead peer says nothing. */

/** @throws what `late` makes, once the time is up; whatever `run` does after that goes unheard */
export async function withinTime<T>(
  milliseconds: number,
  run: (signal: AbortSignal) => Promise<T>,
  late: () => Error,
): Promise<T> {
  if (milliseconds <= 0) throw late();
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | null = null;
  const timeUp = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(late());
      controller.abort();
    }, milliseconds);
  });
  try {
    return await Promise.race([run(controller.signal), timeUp]);
  } finally {
    clearTimeout(timer);
  }
}
