/** Reads a listing ahead of its reader, so that pages come while what they list is checked. */

/**
 * @param most the items that are read ahead; the memory for more of them would not make it faster
 * @throws what the source throws, after the items before
 */
export async function* listedAhead<Item>(source: AsyncIterable<Item>, most: number): AsyncGenerator<Item> {
  const iterator = source[Symbol.asyncIterator]();
  let waiting: Item[] = [];
  let end: { readonly error?: unknown } | undefined;
  const fill = async (): Promise<void> => {
    try {
      while (end === undefined && waiting.length < most) {
        const next = await iterator.next();
        if (next.done === true) end = {};
        else waiting.push(next.value);
      }
    } catch (error) {
      end = { error };
    }
  };
  let filling = fill();
  try {
    for (;;) {
      // The items that are there go on at once, while the next ones are read.
      if (waiting.length === 0) await filling;
      const items = waiting;
      waiting = [];
      if (end === undefined) filling = filling.then(fill);
      yield* items;
      if (end === undefined || waiting.length > 0) continue;
      if ('error' in end) throw end.error;
      return;
    }
  } finally {
    end ??= {};
    await filling;
    await iterator.return?.();
  }
}
