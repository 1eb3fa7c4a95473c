/** The repositories that a caller may read, of all catalogues together. */
import { MemoryCache } from './cache/memory-cache.ts';
import { EncodedList } from './encoded-list.ts';
import { mayRead, type Token } from './token.ts';

const ROOM = 4 * 1024 * 1024;

interface Readable {
  /** What it was made from. */
  readonly catalogs: readonly EncodedList[];
  readonly list: EncodedList;
}

export class ReadableCatalog {
  /** By the token's name, so that a list is made once and not once per request. */
  readonly #made = new MemoryCache<Readable>(ROOM);

  /** Sorted, each once. */
  of(catalogs: readonly EncodedList[], token: Token | undefined): EncodedList {
    const [first, ...others] = catalogs;
    if (first !== undefined && others.length === 0 && token === undefined) return first;
    const key = token?.name ?? '';
    const known = this.#made.get(key);
    if (
      known?.catalogs.length === catalogs.length &&
      known.catalogs.every((one, at) => one === catalogs[at])
    ) {
      return known.list;
    }
    const names = new Set(catalogs.flatMap((catalog) => [...catalog]));
    const readable = [...names].filter((name) => token === undefined || mayRead(token, name));
    const list = new EncodedList(readable.toSorted());
    this.#made.set(key, { catalogs, list }, list.bytes);
    return list;
  }
}
