/** Waits for what may never come. */

export class SilenceError extends Error {
  override readonly name = 'SilenceError';
}

/**
 * @param silence milliseconds
 * @throws {SilenceError} when nothing has come after the time that is borne
 */
export async function inTime<Value>(promise: Promise<Value>, silence: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SilenceError('It fell silent.')), silence);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
