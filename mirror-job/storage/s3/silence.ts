/** Bounds the wait for the next piece of a body. */

export class SilenceError extends Error {
  override readonly name = 'SilenceError';
}

/** @throws {SilenceError} if the promise is still pending after `silenceMs` */
export async function withStallTimeout<Value>(promise: Promise<Value>, silenceMs: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SilenceError('It fell silent.')), silenceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
