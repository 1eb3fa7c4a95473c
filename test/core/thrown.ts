/** The error that a call throws, as `<name>: <sentence>`, for tables of tests. It fails if the call throws nothing. */
export function thrown(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return String(error);
  }
  throw new Error('Nothing was thrown.');
}

/** The name of the error that a call throws; undefined if it returns. */
export function nameOfThrown(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.name : typeof error;
  }
}
