/** Reads the in-use lists of several clusters, as far as they fit into memory together. */
import type { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { decodeInUse, type InUseList } from '../../core/in-use-list.ts';
import { inUseKey } from '../../core/layout.ts';
import { tryDecode } from '../engine/store/decode-object.ts';
import type { Store } from '../engine/store/store.ts';

/** All lists together may have as much as the largest one. In memory, that is about twice as much. docs/decisions/0147 */
export const MAX_TOTAL_MIB = 64;
const MAX_TOTAL_BYTES = MAX_TOTAL_MIB * 1024 * 1024;

export interface BoundedLists {
  /** By cluster, in the order that was asked for; the error for a list that cannot be used. */
  readonly lists: ReadonlyMap<string, InUseList | BucketObjectInvalidError>;
  /** The clusters that have no list. */
  readonly absent: readonly string[];
  /** The clusters whose lists are too large beside the others, sorted. */
  readonly leftOut: readonly string[];
}

/**
 * Leaves out the largest lists if all are too much. So whoever may write one list cannot crowd out those of others.
 * @throws {StoreError}
 */
export async function readLists(
  store: Pick<Store, 'get'>,
  clusters: readonly string[],
): Promise<BoundedLists> {
  const lists = new Map<string, InUseList | BucketObjectInvalidError>();
  const sizes = new Map<string, number>();
  const absent: string[] = [];
  const leftOut: string[] = [];
  let total = 0;
  for (const cluster of clusters) {
    const key = inUseKey(cluster);
    const stored = await store.get(key);
    if (stored === undefined) {
      absent.push(cluster);
      continue;
    }
    sizes.set(cluster, stored.bytes.length);
    total += stored.bytes.length;
    while (total > MAX_TOTAL_BYTES) {
      const [largest, size] = largestOf(sizes);
      sizes.delete(largest);
      lists.delete(largest);
      leftOut.push(largest);
      total -= size;
    }
    if (sizes.has(cluster))
      lists.set(
        cluster,
        tryDecode(() => decodeInUse(key, stored.bytes)),
      );
  }
  return { lists, absent, leftOut: leftOut.toSorted() };
}

function largestOf(sizes: ReadonlyMap<string, number>): readonly [cluster: string, size: number] {
  return [...sizes].reduce((largest, one) => (one[1] > largest[1] ? one : largest), ['', 0]);
}
