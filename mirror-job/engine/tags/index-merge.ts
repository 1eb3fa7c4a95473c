/** Merges the changes of a run into a stored index, which other runs may have changed meanwhile. */
import { entryKey, type IndexEntry } from '../../../core/repository-index.ts';

/** The part of an entry that two runs must agree on: the digest, and the hold on it. */
export function targetOf(entry: IndexEntry): string {
  return entry.kind === 'tag' && entry.hold !== undefined ? `${entry.digest} ${entry.hold}` : entry.digest;
}

export interface MergeKnowledge {
  /** The targets of the entries that this run last read or wrote, by `entryKey`. */
  readonly written: ReadonlyMap<string, string>;
  /** Whether another writer may have changed the index since then. */
  readonly isShared: boolean;
  /** Whether nobody has moved the tag of an entry, or changed its hold. @throws {StoreError} */
  readonly isTrue: (entry: IndexEntry) => Promise<boolean>;
}

/**
 * @param stored the entries of the stored index
 * @param changed by `entryKey`; undefined for an entry that the index is to lose
 * @returns the entries that the index is to have, by `entryKey`
 * @throws {StoreError}
 */
export async function mergeChanges(
  stored: readonly IndexEntry[],
  changed: ReadonlyMap<string, IndexEntry | undefined>,
  { written, isShared, isTrue }: MergeKnowledge,
): Promise<Map<string, IndexEntry>> {
  const merged = new Map(stored.map((entry) => [entryKey(entry), entry]));
  // A writer that moves a tag away from a digest notes that digest as a candidate first.
  const isLeft = (entry: IndexEntry): boolean => {
    if (entry.kind !== 'tag') return false;
    const candidate = entryKey({ ...entry, kind: 'candidate' });
    return merged.has(candidate) && !changed.has(candidate);
  };
  for (const [name, entry] of changed) {
    const other = merged.get(name);
    const theirs = other === undefined ? undefined : targetOf(other);
    const isTheirs = theirs !== undefined && theirs !== written.get(name);
    // Another run has noted something else meanwhile. Only the tag itself tells which of the two came last.
    if (entry === undefined || (isTheirs && theirs !== targetOf(entry))) merged.delete(name);
    // Another writer may have noted the tag and taken it off again since this run looked at it, to move it now or soon.
    else if (other === undefined && isShared && (isLeft(entry) || !(await isTrue(entry))))
      merged.delete(name);
    else merged.set(name, entry);
  }
  return merged;
}
