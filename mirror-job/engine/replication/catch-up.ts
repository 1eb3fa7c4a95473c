/**
 * Catches a store up: objects that it lacks are copied from another store, not from upstream. They are written in the
 * order in which a run writes, so that the store serves only complete images meanwhile, and the next run can go on if
 * this one dies.
 */
import { hasDigest } from '../../../core/digest.ts';
import { MUTABILITY, type KeyKind } from '../../../core/key-kind.ts';
import { manifestKey, repositoryIndexKey, tagKey } from '../../../core/layout.ts';
import { OCI_INDEX, OCTET_STREAM } from '../../../core/media-type.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { Origin } from './catch-up-origin.ts';
import { Comparison, type Difference } from './catch-up-comparison.ts';
import { mergeObject, tagChange, withoutTags, type Rule, type Sides } from './catch-up-merge.ts';
import { needsOf } from './catch-up-needs.ts';
import { countOf } from '../support/count-of.ts';
import type { Environment } from '../environment.ts';
import { updateObject } from '../store/compare-and-swap.ts';
import { AsyncCache } from '../support/async-cache.ts';
import type { TagChange } from '../report.ts';
import { counted, resumed } from '../transfer/resume.ts';
import { SourceError } from '../source.ts';
import { StoreError, type StoredObject } from '../store/store.ts';
import type { Replica } from './replica-set.ts';
import { insideSentence } from '../store/store-name.ts';
import { refuseOversized, uploadBlob } from '../transfer/upload.ts';
import { verified } from '../transfer/verify.ts';

/** Another run may write while the two are compared, and then they are compared again. */
const MAX_PASSES = 4;
/** Small objects that are copied at the same time. */
const SMALL_AT_ONCE = 16;
const PROGRESS_EVERY_MS = 15_000;

export interface CaughtUp {
  readonly objects: number;
  readonly bytes: number;
}

/** Called for each tag that is changed in a store which was filled before. */
export type OnTag = (repository: Repository, change: TagChange) => void;

/**
 * Copies the objects of `from` that `to` lacks or has in another version, and deletes none. A blob or a manifest that
 * does not match its digest is not copied.
 * @throws {OriginError} if `from` fails
 * @throws {StoreError} if `to` fails, or if `from` is damaged or changes all the time. Objects that were copied stay
 */
export async function catchUp(
  environment: Environment,
  { bucket }: Replica,
  to: Replica,
  rule: Rule,
  onTag: OnTag,
): Promise<CaughtUp> {
  const from = new Origin(bucket, environment.signal);
  let objects = 0;
  let bytes = 0;
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    const work = new CatchUp(environment, from, to, rule, onTag);
    await work.run();
    objects += work.objects;
    bytes += work.bytes;
    if (work.deferred === 0) return { objects, bytes };
  }
  throw new StoreError(
    `${to.store.name} could not be caught up: ${insideSentence(from.name)} has changed each time the two were compared.`,
  );
}

/** Objects are copied in this order, so that everything that an object needs is there before it. */
const ORDER = [
  'blob',
  'link',
  'manifest',
  'referrers',
  'movement',
  'tag',
  'tag list',
  'index',
  'state',
] as const;

class CatchUp {
  objects = 0;
  bytes = 0;
  /** The number of objects that need an object which came after the comparison. */
  deferred = 0;
  readonly #environment: Environment;
  readonly #from: Origin;
  readonly #to: Replica;
  readonly #rule: Rule;
  readonly #onTag: OnTag;
  readonly #found = new Comparison();
  readonly #copied = new AsyncCache<string, void>();
  /** The keys of objects that could not be copied, such as tags. Entries that name them must not be believed. */
  readonly #uncopied = new Set<string>();
  #damaged: SourceError | undefined;
  /** When progress was last logged. */
  #loggedMs: number;

  constructor(environment: Environment, from: Origin, to: Replica, rule: Rule, onTag: OnTag) {
    this.#environment = environment;
    this.#from = from;
    this.#to = to;
    this.#rule = rule;
    this.#onTag = onTag;
    this.#loggedMs = environment.clock.now().getTime();
  }

  async run(): Promise<void> {
    const { signal } = this.#environment;
    await this.#found.compare(this.#from, new Origin(this.#to.bucket, signal, StoreError));
    const { limits, log } = this.#environment;
    if (this.#found.differences.size > 0) {
      log.info(
        `${this.#to.store.name} is compared with ${insideSentence(this.#from.name)}: ${countOf(this.#found.differences.size, 'object')} may have to be copied.`,
      );
    }
    for (const kind of ORDER) {
      if (kind === 'tag') await this.#questionTags();
      // The catalogue says that a store was filled to the end, so it must not come before objects that are missing.
      if (kind === 'state' && (this.#damaged !== undefined || this.deferred > 0)) break;
      const group = [...this.#found.differences.values()].filter((one) => one.kind.kind === kind);
      await each(group, kind === 'blob' ? limits.blobs : SMALL_AT_ONCE, (one) => this.#copyOnce(one));
    }
    if (this.#damaged !== undefined) throw new StoreError(this.#damaged.message, { cause: this.#damaged });
  }

  /** docs/decisions/0005-index-before-a-move.md */
  async #questionTags(): Promise<void> {
    await each([...this.#found.tags], SMALL_AT_ONCE, async ([repository, tags]) => {
      const key = repositoryIndexKey(repository);
      await updateObject(this.#to.store, key, OCI_INDEX, (bytes) =>
        bytes === undefined ? undefined : withoutTags(key, bytes, tags),
      );
      // If the two indexes were the same, this one has to be completed again after the tags.
      if (!this.#found.differences.has(key)) {
        this.#found.differences.set(key, { key, size: 0, etag: '', kind: { kind: 'index', repository } });
      }
    });
  }

  #copyOnce(one: Difference): Promise<void> {
    return this.#copied.get(one.key, async () => {
      this.#environment.signal.throwIfAborted();
      if (one.kind.kind === 'blob') await this.#copyBlob(one, one.kind.digest);
      else if (MUTABILITY[one.kind.kind] === 'immutable') await this.#copyImmutable(one);
      else await this.#copyMutable(one);
      this.#logProgress();
    });
  }

  async #copyBlob(
    { key, size }: Difference,
    digest: Extract<KeyKind, { kind: 'blob' }>['digest'],
  ): Promise<void> {
    const { tally, signal, createHash, limits } = this.#environment;
    const running = { label: `${this.#from.name}@${digest}`, size, done: 0 };
    const source = {
      name: this.#from.name,
      blob: (_digest: unknown, _size: number, offset: number) => this.#from.stream(key, offset),
    };
    tally.running.add(running);
    try {
      refuseOversized(`${this.#from.name}: the blob ${digest}`, size, this.#environment);
      const expected = { digest, size };
      const body = counted(resumed(source, expected, signal), (bytes) => {
        running.done += bytes;
      });
      const checked = verified(body, expected, source, createHash);
      await uploadBlob({ ...this.#environment, store: this.#to.store }, key, size, checked, OCTET_STREAM);
      this.#count(key, size);
      if (size > limits.partBytes) tally.add('blobsInParts');
    } catch (error) {
      // A damaged blob holds back only the objects that need it.
      if (!(error instanceof SourceError)) throw error;
      this.#damaged ??= error;
    } finally {
      tally.running.delete(running);
    }
  }

  async #copyImmutable({ key, kind }: Difference): Promise<void> {
    const object = await this.#from.get(key);
    if (object === undefined || !(await this.#isReady(kind, key, object))) return;
    if (kind.kind === 'manifest') {
      const bytes = new Uint8Array(object.bytes);
      if (!(await hasDigest(bytes, kind.digest))) return this.#warn(kind, key);
    }
    await this.#to.store.put(key, object.bytes, { contentType: object.contentType ?? OCTET_STREAM });
    this.#count(key, object.bytes.length);
  }

  async #copyMutable({ key, kind }: Difference): Promise<void> {
    const object = await this.#from.get(key);
    if (object === undefined || !(await this.#isReady(kind, key, object))) {
      this.#uncopied.add(key);
      return;
    }
    const differing = ('repository' in kind ? this.#found.tags.get(kind.repository) : undefined) ?? new Set();
    let written = 0;
    let change: TagChange | undefined;
    await updateObject(this.#to.store, key, object.contentType ?? 'application/json', (to) => {
      const merged = mergeObject(kind, {
        key,
        from: object.bytes,
        to,
        rule: this.#rule,
        differing,
        ...this.#stateOf(kind),
      });
      written = merged?.length ?? 0;
      change = merged === undefined ? undefined : tagChange(kind, key, merged, to);
      return merged;
    });
    if (written > 0) this.#count(key, written);
    if (change !== undefined && 'repository' in kind && this.#found.wasFilled) {
      this.#onTag(kind.repository, change);
    }
  }

  /** @returns what of a repository was copied. Called only after its tags */
  #stateOf(kind: KeyKind): Pick<Sides, 'isThere' | 'hasTag'> {
    const repository = 'repository' in kind ? kind.repository : undefined;
    const hasTag = (tag: Tag): boolean =>
      repository === undefined || !this.#uncopied.has(tagKey(repository, tag));
    return {
      hasTag,
      isThere: (entry) =>
        (entry.kind !== 'tag' || hasTag(entry.tag)) &&
        (repository === undefined || this.#found.present.has(manifestKey(repository, entry.digest))),
    };
  }

  /** Whether the written store has every object that this one needs, of those that the source has. */
  async #isReady(kind: KeyKind, key: string, object: StoredObject): Promise<boolean> {
    const needs = needsOf(kind, key, object);
    if (needs === undefined) {
      this.#warn(kind, key);
      return false;
    }
    for (const need of needs) {
      if (this.#found.present.has(need)) continue;
      const other = this.#found.differences.get(need);
      if (other !== undefined && other.kind.kind === 'manifest') await this.#copyOnce(other);
      if (this.#found.present.has(need)) continue;
      // Foreign layers, and platforms that are not mirrored, are in neither store.
      if ((await this.#from.size(need)) !== undefined) {
        this.deferred += 1;
        return false;
      }
      if (kind.kind === 'link') {
        this.#warn(kind, key);
        return false;
      }
    }
    return true;
  }

  #count(key: string, bytes: number): void {
    this.#found.present.add(key);
    this.objects += 1;
    this.bytes += bytes;
  }

  #warn({ kind }: KeyKind, key: string): void {
    const damage = `${this.#from.name}: ${key} is damaged, or an object that it names is missing.`;
    // An image needs it, and another pass cannot copy that image either.
    if (kind === 'link' || kind === 'manifest') this.#damaged ??= new SourceError(damage);
    else this.#environment.log.warn(`${damage} It is not copied to ${insideSentence(this.#to.store.name)}.`);
  }

  #logProgress(): void {
    const now = this.#environment.clock.now().getTime();
    if (now - this.#loggedMs < PROGRESS_EVERY_MS) return;
    this.#loggedMs = now;
    this.#environment.log.info(
      `${this.#to.store.name}: ${countOf(this.objects, 'object')} of at most ${this.#found.differences.size} copied.`,
    );
  }
}

/** Works on `concurrency` items at a time. After the first failure no more are begun, and it waits for those under way. */
async function each<Item>(
  items: Iterable<Item>,
  concurrency: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  let failed = false;
  const workers = Array.from({ length: concurrency }, async () => {
    for (let next = rest.next(); next.done !== true && !failed; next = rest.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  });
  await Promise.allSettled(workers);
  await Promise.all(workers);
}
