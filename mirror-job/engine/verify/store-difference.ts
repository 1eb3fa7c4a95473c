/**
 * Compares two stores by their listings, page by page: the objects that are to be the same in both. A difference counts if the
 * store that has the object needs it. For that, only repositories with a difference are read.
 */
import type { Digest } from '../../../core/digest.ts';
import { kindOfKey, MUTABILITY, type KeyKind } from '../../../core/key-kind.ts';
import type { Repository } from '../../../core/reference.ts';
import { StoreError, type ComparableStore, type ListedObject } from '../store/store.ts';
import { readNeeds } from './repository-needs.ts';
import { isInStepWith } from './step-notes.ts';

export interface KeyDifference {
  readonly key: string;
  /** `tag`: both have the tag, at different movements. `size`: the same immutable key has other sizes. */
  readonly kind: 'missing' | 'size' | 'tag';
  /** The store that lacks it; undefined if both have it. */
  readonly missingIn?: string;
}

export interface StoreDifference {
  readonly first: string;
  readonly second: string;
  /** The differences of tags, and of objects that a tag, a pin or a waiting digest needs. At most 1,000. */
  readonly differences: readonly KeyDifference[];
  readonly differenceCount: number;
  /** The differences of objects that nothing needs, and of records of movements: no damage. At most 1,000. */
  readonly unneeded: readonly KeyDifference[];
  readonly unneededCount: number;
  /** Whether the notes of both say that they are in step, so that no run compares them. Left out if they do not differ. */
  readonly isInStep?: boolean;
  /** Why the stores could not be compared to the end: a sentence. */
  readonly unknown?: string;
}

const MAX_DIFFERENCES = 1000;
/** Blobs that are held until it is known whether an image needs them. More of them count as needed. */
const MAX_BLOBS = 100_000;

type Side = 'first' | 'second';

interface Found {
  readonly difference: KeyDifference;
  /** The stores that have the object. */
  readonly sides: readonly Side[];
}

/** Never throws for what is wrong with a store. @throws the signal's reason */
export async function compareStores(
  first: ComparableStore,
  second: ComparableStore,
  signal: AbortSignal,
): Promise<StoreDifference> {
  return new Comparison(first, second).run(signal);
}

class Comparison {
  readonly #stores: Readonly<Record<Side, ComparableStore>>;
  readonly #counted: KeyDifference[] = [];
  readonly #unneeded: KeyDifference[] = [];
  #countedCount = 0;
  #unneededCount = 0;
  /** Blobs come before repositories in the order of keys. */
  readonly #blobs = new Map<Digest, Found>();
  #repository: Repository | undefined;
  /** The differing manifests and links of the repository that is being listed. */
  #content: (Found & { readonly kind: ContentKind })[] = [];
  /** The differing blobs that the same repository has a link to. */
  #linked = new Set<Digest>();

  constructor(first: ComparableStore, second: ComparableStore) {
    this.#stores = { first, second };
  }

  async run(signal: AbortSignal): Promise<StoreDifference> {
    const { first, second } = this.#stores;
    try {
      for await (const [left, right] of pairs(first, second)) {
        signal.throwIfAborted();
        await this.#compare(left, right);
      }
      await this.#endRepository();
      for (const found of this.#blobs.values()) this.#add(found, false);
      if (this.#countedCount === 0) return this.#result();
      const isInStep =
        (await isInStepWith(first, second, [second])) && (await isInStepWith(second, first, [first]));
      return { ...this.#result(), isInStep };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StoreError)) throw error;
      return { ...this.#result(), unknown: error.message };
    }
  }

  #result(): StoreDifference {
    return {
      first: this.#stores.first.name,
      second: this.#stores.second.name,
      differences: inOrder(this.#counted),
      differenceCount: this.#countedCount,
      unneeded: inOrder(this.#unneeded),
      unneededCount: this.#unneededCount,
    };
  }

  async #compare(left: Listed | undefined, right: Listed | undefined): Promise<void> {
    const one = left ?? right;
    if (one === undefined) return;
    const { kind, key } = one;
    const repository = 'repository' in kind ? kind.repository : undefined;
    if (repository !== this.#repository) {
      await this.#endRepository();
      this.#repository = repository;
    }
    if (kind.kind === 'link' && this.#blobs.has(kind.digest)) this.#linked.add(kind.digest);
    const found = this.#differenceOf(key, left, right);
    if (found === undefined) return;
    if (kind.kind === 'blob' && this.#blobs.size < MAX_BLOBS) this.#blobs.set(kind.digest, found);
    else if (kind.kind === 'manifest' || kind.kind === 'link') this.#content.push({ ...found, kind });
    else this.#add(found, kind.kind !== 'movement');
  }

  #differenceOf(key: string, left: Listed | undefined, right: Listed | undefined): Found | undefined {
    const { first, second } = this.#stores;
    if (left === undefined) {
      return { difference: { key, kind: 'missing', missingIn: first.name }, sides: ['second'] };
    }
    if (right === undefined) {
      return { difference: { key, kind: 'missing', missingIn: second.name }, sides: ['first'] };
    }
    const isTag = left.kind.kind === 'tag';
    if (left.size === right.size && (!isTag || left.etag === right.etag)) return undefined;
    return { difference: { key, kind: isTag ? 'tag' : 'size' }, sides: ['first', 'second'] };
  }

  /** Finds out which of the differing objects the repository needs. */
  async #endRepository(): Promise<void> {
    const [repository, content, linked] = [this.#repository, this.#content, this.#linked];
    this.#content = [];
    this.#linked = new Set();
    if (repository === undefined || (content.length === 0 && linked.size === 0)) return;
    const needs = {
      first: await readNeeds(this.#stores.first, repository),
      second: await readNeeds(this.#stores.second, repository),
    };
    const isNeeded = ({ sides }: Found, kind: ContentKind['kind'] | 'blob', digest: Digest): boolean =>
      sides.some((side) => needs[side]?.[kind === 'manifest' ? 'manifests' : 'blobs'].has(digest) ?? true);
    for (const one of content) this.#add(one, isNeeded(one, one.kind.kind, one.kind.digest));
    for (const digest of linked) {
      const found = this.#blobs.get(digest);
      if (found === undefined || !isNeeded(found, 'blob', digest)) continue;
      this.#blobs.delete(digest);
      this.#add(found, true);
    }
  }

  #add({ difference }: Found, isNeeded: boolean): void {
    if (isNeeded) this.#countedCount += 1;
    else this.#unneededCount += 1;
    const list = isNeeded ? this.#counted : this.#unneeded;
    if (list.length < MAX_DIFFERENCES) list.push(difference);
  }
}

function inOrder(differences: readonly KeyDifference[]): KeyDifference[] {
  return differences.toSorted((one, other) => (one.key < other.key ? -1 : 1));
}

type ContentKind = Extract<KeyKind, { readonly kind: 'link' | 'manifest' | 'referrers' }>;

interface Listed extends ListedObject {
  readonly kind: KeyKind;
}

/** The objects of both stores in the order of keys, each beside the one of the other store with the same key. */
async function* pairs(
  first: ComparableStore,
  second: ComparableStore,
): AsyncGenerator<readonly [Listed | undefined, Listed | undefined]> {
  const [here, there] = [shared(first), shared(second)];
  let [one, other] = await Promise.all([here.next(), there.next()]);
  while (!(one.done === true && other.done === true)) {
    const left = one.done === true ? undefined : one.value;
    const right = other.done === true ? undefined : other.value;
    const isLeft = left !== undefined && (right === undefined || left.key <= right.key);
    const isRight = right !== undefined && (left === undefined || right.key <= left.key);
    yield [isLeft ? left : undefined, isRight ? right : undefined];
    [one, other] = await Promise.all([isLeft ? here.next() : one, isRight ? there.next() : other]);
  }
}

/** The objects that are to be the same in both: lists and state are each store's own. */
async function* shared(store: ComparableStore): AsyncGenerator<Listed> {
  let last = '';
  for await (const object of store.entries('')) {
    if (object.key < last) {
      throw new StoreError(`${store.name}: it lists ${object.key} after ${last}, not in the order of keys.`);
    }
    last = object.key;
    const kind = kindOfKey(object.key);
    if (kind === undefined) continue;
    if (kind.kind === 'tag' || MUTABILITY[kind.kind] === 'immutable') yield { ...object, kind };
  }
}
