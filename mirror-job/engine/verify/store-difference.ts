/** Compares two stores by their listings alone, page by page: the objects that are to be the same in both. */
import { kindOfKey, MUTABILITY } from '../../../core/key-kind.ts';
import { StoreError, type ComparableStore, type ListedObject } from '../store/store.ts';

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
  /** At most 1,000. */
  readonly differences: readonly KeyDifference[];
  readonly differenceCount: number;
  /** Why the stores could not be compared to the end: a sentence. */
  readonly unknown?: string;
}

const MAX_DIFFERENCES = 1000;

/** Never throws for what is wrong with a store. @throws the signal's reason */
export async function compareStores(
  first: ComparableStore,
  second: ComparableStore,
  signal: AbortSignal,
): Promise<StoreDifference> {
  const differences: KeyDifference[] = [];
  let differenceCount = 0;
  const add = (difference: KeyDifference): void => {
    differenceCount += 1;
    if (differences.length < MAX_DIFFERENCES) differences.push(difference);
  };
  const result = () => ({ first: first.name, second: second.name, differences, differenceCount });
  const [here, there] = [shared(first), shared(second)];
  try {
    let [one, other] = await Promise.all([here.next(), there.next()]);
    while (!(one.done === true && other.done === true)) {
      signal.throwIfAborted();
      const left = one.done === true ? undefined : one.value;
      const right = other.done === true ? undefined : other.value;
      const isLeft = left !== undefined && (right === undefined || left.key <= right.key);
      const isRight = right !== undefined && (left === undefined || right.key <= left.key);
      if (isLeft && isRight) {
        const kind = differenceOf(left, right);
        if (kind !== undefined) add({ key: left.key, kind });
      } else if (isLeft) add({ key: left.key, kind: 'missing', missingIn: second.name });
      else if (isRight) add({ key: right.key, kind: 'missing', missingIn: first.name });
      [one, other] = await Promise.all([isLeft ? here.next() : one, isRight ? there.next() : other]);
    }
    return result();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof StoreError)) throw error;
    return { ...result(), unknown: error.message };
  }
}

function differenceOf(one: ListedObject, other: ListedObject): 'size' | 'tag' | undefined {
  const kind = kindOfKey(one.key)?.kind;
  if (kind === 'tag') return one.etag === other.etag && one.size === other.size ? undefined : 'tag';
  return one.size === other.size ? undefined : 'size';
}

/** The objects that are to be the same in both: lists and state are each store's own. */
async function* shared(store: ComparableStore): AsyncGenerator<ListedObject> {
  let last = '';
  for await (const object of store.entries('')) {
    if (object.key < last) {
      throw new StoreError(`${store.name}: it lists ${object.key} after ${last}, not in the order of keys.`);
    }
    last = object.key;
    const kind = kindOfKey(object.key)?.kind;
    if (kind === undefined) continue;
    if (kind === 'tag' || MUTABILITY[kind] === 'immutable') yield object;
  }
}
