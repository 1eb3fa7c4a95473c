/** Reads the in-use lists that a drill is about: from the bucket, or from a file. */
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { decodeInUse, type InUseList } from '../../core/in-use-list.ts';
import { inUseKey } from '../../core/layout.ts';
import { MAX_TOTAL_MIB, readLists } from '../in-use/bounded-lists.ts';
import { namesOf } from '../in-use/first-names.ts';
import { listedClusters, MAX_CLUSTERS } from '../in-use/in-use-lists.ts';
import type { Store } from '../engine/store/store.ts';

export interface DrillLists {
  /** Each of another cluster: that of its key, whatever the list says. */
  readonly lists: readonly InUseList[];
  /** About each list that cannot be used, and about those that are too many: a sentence with the next step. */
  readonly damagedLists: readonly string[];
  /** The clusters that were named and have no list in the bucket. */
  readonly absent: readonly string[];
}

/**
 * @param named only these clusters; empty for all that have a list
 * @throws {StoreError}
 */
export async function readDrillLists(
  store: Pick<Store, 'get' | 'list'>,
  named: readonly string[],
): Promise<DrillLists> {
  const { clusters, areMore } =
    named.length > 0
      ? { clusters: [...new Set(named)].toSorted(), areMore: false }
      : await listedClusters(store);
  const { lists: read, absent, leftOut } = await readLists(store, clusters);
  const lists: InUseList[] = [];
  const damagedLists: string[] = [];
  for (const [cluster, list] of read) {
    if (list instanceof BucketObjectInvalidError) {
      damagedLists.push(
        `${list.message} The drill leaves ${cluster} out. Write the list again: "lifeboat images --cluster ${cluster} --publish".`,
      );
    } else lists.push({ ...list, cluster });
  }
  if (leftOut.length > 0) {
    damagedLists.push(
      `The lists together have more than ${MAX_TOTAL_MIB} MiB, and the drill leaves the largest out: those of ${namesOf(leftOut, 5)}. Name some of the clusters with --cluster.`,
    );
  }
  if (areMore) {
    damagedLists.push(
      `The bucket has more than ${MAX_CLUSTERS} lists, and the drill looks at the first ${MAX_CLUSTERS} alone. Delete those of clusters that are gone, or name clusters with --cluster.`,
    );
  }
  return { lists, damagedLists, absent };
}

/** @throws {BucketObjectInvalidError}, whose `reason` says what is wrong, without the file's name */
export function decodeListFile(bytes: Uint8Array): InUseList {
  // The key tells the kind of the object, and so how large it may be.
  return decodeInUse(inUseKey('file'), bytes);
}
