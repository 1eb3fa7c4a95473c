/**
 * Skips reads that must miss, which spares a first run, or a new repository, one read per manifest and blob. If a prefix
 * was empty when the run started, only this run's own writes can be there. Any sign of a second writer turns this off,
 * and conditional writes protect correctness until then.
 */
import { BLOBS, contentPrefixes, repositoryPrefix } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import { AsyncCache } from '../support/async-cache.ts';
import { StoreLayer } from './store-layer.ts';
import { UploadLostError, type PutOptions, type PutResult, type StoredObject, type Upload } from './store.ts';

/** A run that writes more keys than it may remember reads them all again. They take a few megabytes. */
const MAX_WRITTEN = 20_000;

/** The keys with one prefix. */
class Area {
  readonly prefix: string;
  /** Whether nothing was there when the run looked. */
  wasEmpty: boolean;
  /** The keys that this run has written since. */
  readonly written = new Set<string>();

  constructor(prefix: string, wasEmpty: boolean) {
    this.prefix = prefix;
    this.wasEmpty = wasEmpty;
  }
}

export class KnownEmptyStore extends StoreLayer {
  readonly #blobs = new Area(BLOBS, false);
  /** By prefix: the areas of all open repositories, and the area of the blobs. */
  readonly #areas = new Map<string, Area>([[BLOBS, this.#blobs]]);
  readonly #looked = new AsyncCache<string, void>();
  /** Blobs are listed only for a new repository, because a bucket without one has blobs. */
  #hasNewRepository = false;
  #isAlone = true;

  /**
   * Looks whether the repository has any object yet. If not, its immutable objects are not read. Its tags are, because
   * another run may be about to publish the same ones.
   * @returns whether it has none
   * @throws {StoreError}
   */
  async look(repository: Repository): Promise<boolean> {
    if ((await this.below.list(repositoryPrefix(repository), 1)).length > 0) return false;
    this.#hasNewRepository = true;
    for (const prefix of contentPrefixes(repository)) this.#areas.set(prefix, new Area(prefix, true));
    return true;
  }

  /** Forgets the keys of a repository, of which nothing more will be read. */
  leave(repository: Repository): void {
    for (const prefix of contentPrefixes(repository)) this.#areas.delete(prefix);
  }

  /** How many keys are remembered. */
  get remembered(): number {
    return [...this.#areas.values()].reduce((sum, { written }) => sum + written.size, 0);
  }

  override async get(key: string): Promise<StoredObject | undefined> {
    return this.#isAbsent(key) ? undefined : this.below.get(key);
  }

  override async size(key: string): Promise<number | undefined> {
    // Blobs are listed when the first one is asked for, because a run that finds nothing new asks for none.
    if (this.#hasNewRepository && key.startsWith(BLOBS))
      await this.#looked.get(BLOBS, () => this.#lookForBlobs());
    return this.#isAbsent(key) ? undefined : this.below.size(key);
  }

  override async put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    this.#remember(key);
    const result = await this.below.put(key, bytes, options);
    if (result === 'conflict') this.#isAlone = false;
    return result;
  }

  override async beginUpload(key: string, contentType: string): Promise<Upload> {
    this.#remember(key);
    const upload = await this.below.beginUpload(key, contentType);
    return {
      putPart: (number, bytes) => this.#unlessLost(upload.putPart(number, bytes)),
      complete: () => this.#unlessLost(upload.complete()),
      abort: () => upload.abort(),
    };
  }

  async #lookForBlobs(): Promise<void> {
    if ((await this.below.list(BLOBS, 1)).length === 0) this.#blobs.wasEmpty = true;
  }

  /** Remembers a key before it is written, because a write whose answer is lost may have succeeded. */
  #remember(key: string): void {
    if (!this.#isAlone) return;
    this.#areaOf(key)?.written.add(key);
    if (this.remembered <= MAX_WRITTEN) return;
    // From here on every key is read, so none has to be remembered.
    this.#isAlone = false;
    this.#areas.clear();
  }

  #areaOf(key: string): Area | undefined {
    for (const area of this.#areas.values()) if (key.startsWith(area.prefix)) return area;
    return undefined;
  }

  async #unlessLost<Value>(call: Promise<Value>): Promise<Value> {
    try {
      return await call;
    } catch (error) {
      if (error instanceof UploadLostError) this.#isAlone = false;
      throw error;
    }
  }

  #isAbsent(key: string): boolean {
    const area = this.#isAlone ? this.#areaOf(key) : undefined;
    return area?.wasEmpty === true && !area.written.has(key);
  }
}
