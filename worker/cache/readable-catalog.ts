/** The repositories that a token may read, of all catalogues together. */
import { mayRead, type Token } from '../configuration/token.ts';
import { EncodedList } from './encoded-list.ts';
import { MemoryCache } from './memory-cache.ts';

const MAX_BYTES = 4 * 1024 * 1024;

export class ReadableCatalog {
  /** The catalogues that all lists were made from. Only one version is held, because each can have megabytes. */
  #catalogs: readonly EncodedList[] = [];
  /** By the token's name, so that a list is made once and not for each request. */
  readonly #lists = new MemoryCache<EncodedList>(MAX_BYTES);

  /**
   * The names in any of the catalogues, sorted, each once.
   * @param token undefined to list all names
   */
  listFor(catalogs: readonly EncodedList[], token: Token | undefined): EncodedList {
    const [first, ...others] = catalogs;
    if (first !== undefined && others.length === 0 && token === undefined) return first;
    const isSame = (catalog: EncodedList, index: number) => catalog === this.#catalogs[index];
    if (catalogs.length !== this.#catalogs.length || !catalogs.every(isSame)) this.#lists.clear();
    this.#catalogs = catalogs;
    const key = token?.name ?? '';
    const earlier = this.#lists.get(key);
    if (earlier !== undefined) return earlier;
    const names = catalogs.flatMap((catalog) => catalog.texts());
    const readable = names.filter((name) => token === undefined || mayRead(token, name));
    const list = new EncodedList([...new Set(readable)].toSorted());
    this.#lists.set(key, list, list.bytes);
    return list;
  }
}
