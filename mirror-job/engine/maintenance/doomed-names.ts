/** All of one repository that a sweep deletes before the blobs. */
import { manifestKey, tagKey } from '../../../core/layout.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { entryKey, type IndexEntry } from '../../../core/repository-index.ts';

export interface DoomedNames {
  readonly repository: Repository;
  readonly keys: ReadonlySet<string>;
  /** The entries that nothing keeps, by `entryKey`. */
  readonly dropped: ReadonlySet<string>;
  readonly isEmpty: boolean;
}

export function goesWith({ repository, keys }: DoomedNames, tag: Tag): boolean {
  return keys.has(tagKey(repository, tag));
}

/** Only what goes leaves the index: an entry whose object may not go yet stays. */
export function entriesLeft(doomed: DoomedNames, entries: readonly IndexEntry[]): readonly IndexEntry[] {
  const { repository, keys, dropped } = doomed;
  return entries.filter((entry) => {
    const isDoomed =
      keys.has(manifestKey(repository, entry.digest)) ||
      (entry.kind === 'tag' && goesWith(doomed, entry.tag));
    return !(dropped.has(entryKey(entry)) && isDoomed);
  });
}
