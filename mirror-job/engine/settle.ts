/**
 * Awaits all of them, then throws the first failure. With `Promise.all` the others would go on behind the back
 * of whoever asked: a run would report, and end, while blobs of a tag that failed are still being copied.
 */
export async function allSettled<Value>(promises: readonly Promise<Value>[]): Promise<Value[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** The same of two that have not the same value. */
export async function bothSettled<One, Other>(
  one: Promise<One>,
  other: Promise<Other>,
): Promise<[One, Other]> {
  await Promise.allSettled([one, other]);
  return Promise.all([one, other]);
}
