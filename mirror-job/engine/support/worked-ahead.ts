/** Works on some items of a source at once, and gives the results in the order of the items. */

/**
 * @param most the items that are worked on at once
 * @throws what the source and the work throw, after the results before. No work is under way any more then
 */
export async function* workedAhead<Item, Result>(
  source: AsyncIterable<Item>,
  most: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = [];
  try {
    for await (const item of source) {
      const result = work(item);
      // It is awaited below, and may fail long before.
      result.catch(() => undefined);
      running.push(result);
      const first = running.length < most ? undefined : running.shift();
      if (first !== undefined) yield await first;
    }
    while (running.length > 0) {
      const first = running.shift();
      if (first !== undefined) yield await first;
    }
  } finally {
    await Promise.allSettled(running);
  }
}
