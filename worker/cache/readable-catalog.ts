/** The repositories that a caller may read, of all catalogues together. */
import { MemoryCache } from './memory-cache.ts';
import { EncodedList } from './encoded-list.ts';
import { mayRead, type Token } from '../configuration/token.ts';

const ROOM = 4 * 1024 * 1024;

export class ReadableCatalog {
  /** What all lists were made from. They are held once, because each version of them can have megabytes. */
  #catalogs: readonly EncodedList[] = [];
  /** By the token's name, so that a list is made once and not once per request. */
  readonly #made = new MemoryCache<EncodedList>(ROOM);

  /** Sorted, each once. */
  of(catalogs: readonly EncodedList[], token: Token | undefined): EncodedList {
    const [first, ...others] = catalogs;
    if (first !== undefined && others.length === 0 && token === undefined) return first;
    const isSame = (catalog: EncodedList, at: number) => catalog === this.#catalogs[at];
    if (catalogs.length !== this.#catalogs.length || !catalogs.every(isSame)) this.#made.clear();
    this.#catalogs = catalogs;
    const key = token?.name ?? '';
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const names = catalogs.flatMap((catalog) => catalog.texts());
    const readable = names.filter((name) => token === undefined || mayRead(token, name));
    const list = new EncodedList([...new Set(readable)].toSorted());
    this.#made.set(key, list, list.bytes);
    return list;
  }
}
