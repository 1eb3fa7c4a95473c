/**
 * A bucket in which a run does not look for what cannot be there: where nothing was when it was first asked, there is
 * what this run has written and nothing else. A first run, or a new repository, is spared a read for each manifest
 * and blob. Any sign of another writer ends it; until then the conditions of the writes
 * themselves see to it that nothing of another run is lost.
 */
import { BLOBS, repositoryPrefix } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import { SingleFlight } from '../support/single-flight.ts';
import { StoreLayer } from './store-layer.ts';
import { UploadLostError, type PutOptions, type PutResult, type StoredObject, type Upload } from './store.ts';

/** Of a repository's keys, after its prefix. */
const IMMUTABLE = ['manifests/', 'blobs/'];
/** Keys that are remembered; a run that writes more looks again. A few megabytes. */
const MAX_WRITTEN = 20_000;

/** The keys with one prefix. */
class Area {
  readonly prefix: string;
  /** Whether nothing was there when the run looked. */
  wasEmpty: boolean;
  /** What this run has written since. */
  readonly written = new Set<string>();

  constructor(prefix: string, wasEmpty: boolean) {
    this.prefix = prefix;
    this.wasEmpty = wasEmpty;
  }
}

export class KnownEmptyStore extends StoreLayer {
  readonly #blobs = new Area(BLOBS, false);
  /** The areas of all repositories that are open, and of the blobs. */
  readonly #areas = new Map<string, Area>([[BLOBS, this.#blobs]]);
  readonly #looked = new SingleFlight<string, void>();
  /** Until then blobs are not listed: a bucket whose repositories are all known has some. */
  #hasNewRepository = false;
  #isAlone = true;

  /**
   * Looks whether there is anything of a repository yet. What never changes is not looked for then; tags are, because
   * another run may be about to publish the same.
   * @throws {StoreError}
   */
  async look(repository: Repository): Promise<void> {
    const prefix = repositoryPrefix(repository);
    if ((await this.below.list(prefix, 1)).length > 0) return;
    this.#hasNewRepository = true;
    for (const kind of IMMUTABLE) this.#areas.set(prefix + kind, new Area(prefix + kind, true));
  }

  /** Nothing more will be asked for of a repository: what was written there need not be known. */
  leave(repository: Repository): void {
    for (const kind of IMMUTABLE) this.#areas.delete(repositoryPrefix(repository) + kind);
  }

  /** How many keys are remembered. */
  get remembered(): number {
    return [...this.#areas.values()].reduce((sum, { written }) => sum + written.size, 0);
  }

  override async get(key: string): Promise<StoredObject | undefined> {
    return this.#isAbsent(key) ? undefined : this.below.get(key);
  }

  override async size(key: string): Promise<number | undefined> {
    // Not before a blob is asked for: a run that finds nothing new has nothing to do with them.
    if (this.#hasNewRepository && key.startsWith(BLOBS))
      await this.#looked.get(BLOBS, () => this.#lookForBlobs());
    return this.#isAbsent(key) ? undefined : this.below.size(key);
  }

  override async put(key: string, bytes: Uint8Array, options: PutOptions): Promise<PutResult> {
    this.#note(key);
    const result = await this.below.put(key, bytes, options);
    if (result === 'conflict') this.#isAlone = false;
    return result;
  }

  override async beginUpload(key: string, contentType: string): Promise<Upload> {
    this.#note(key);
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

  /** Before it is written: a write whose answer is lost may have come through all the same. */
  #note(key: string): void {
    if (!this.#isAlone) return;
    this.#areaOf(key)?.written.add(key);
    if (this.remembered <= MAX_WRITTEN) return;
    // From here on everything is looked for, and what was written need not be known.
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
