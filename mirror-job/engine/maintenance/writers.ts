/** Finds the runs that may be about to publish what they have found in the bucket, by the notes that they leave. */
import { WRITERS } from '../../../core/layout.ts';
import { decodeWriterNote } from '../store/prune-state.ts';
import type { ComparableStore } from '../store/store.ts';

export interface Writers {
  /** Those that are at work, by the key of their note. */
  readonly live: readonly { readonly key: string; readonly until: string | undefined }[];
  /** The keys of the notes that count no more. */
  readonly ended: readonly string[];
}

/** @throws {StoreError} */
export async function findWriters(
  store: Pick<ComparableStore, 'get' | 'entries'>,
  now: Date,
): Promise<Writers> {
  const live: { key: string; until: string | undefined }[] = [];
  const ended: string[] = [];
  for await (const { key } of store.entries(WRITERS)) {
    const object = await store.get(key);
    if (object === undefined) continue;
    const note = decodeWriterNote(object.bytes);
    // A note that cannot be read may be anybody's.
    if (note === undefined) live.push({ key, until: undefined });
    else if (note.hasEnded || Date.parse(note.until) <= now.getTime()) ended.push(key);
    else live.push({ key, until: note.until });
  }
  return { live, ended };
}
