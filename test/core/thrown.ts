/** What a call throws, as `<name>: <sentence>`, so that tables can hold it; fails when it throws nothing. */
export function thrown(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return String(error);
  }
  throw new Error('Nothing was thrown.');
}

/** The name of what a call throws; undefined when it returns. */
export function nameOfThrown(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.name : typeof error;
  }
}
