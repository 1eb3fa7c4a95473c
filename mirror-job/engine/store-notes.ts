/**
 * `state/_stores.json`: which of the stores that are filled together are in step. Each store keeps what it was
 * told while it could be written, so a store that was away does not know that it is behind: the others do.
 */
import { encodeJson, isObject, parseJson } from '../../core/json.ts';
import { STORES_KEY } from '../../core/layout.ts';
import { changeObject } from './guarded-write.ts';
import type { Store } from './store.ts';

export interface StoreNote {
  /** As messages call it: endpoint, bucket and prefix. */
  readonly store: string;
  /** The bucket's own, so that another bucket in its place is not taken for it; undefined where it is not known. */
  readonly id: string | undefined;
  /** Whether it has all that any other store has that is in step. */
  readonly inStep: boolean;
  /** Since when. ISO 8601, UTC. */
  readonly since: string;
  /** Which run has said so last: each time the object changes, so that a run which goes by an older one notices. */
  readonly run: string;
  /** Why it is behind. */
  readonly reason?: string | undefined;
}

/** @returns nothing for what cannot be read: a store of which nothing is known is compared */
export function decodeNotes(bytes: Uint8Array): StoreNote[] {
  try {
    const json = parseJson(bytes);
    const stores: unknown = isObject(json) ? json['stores'] : undefined;
    return Array.isArray(stores) ? stores.flatMap((one: unknown) => readNote(one) ?? []) : [];
  } catch {
    return [];
  }
}

function readNote(value: unknown): StoreNote | undefined {
  if (!isObject(value)) return undefined;
  const { store, id, inStep, since, run, reason } = value;
  if (typeof store !== 'string' || typeof inStep !== 'boolean') return undefined;
  if (typeof since !== 'string' || typeof run !== 'string') return undefined;
  return {
    store,
    id: typeof id === 'string' ? id : undefined,
    inStep,
    since,
    run,
    reason: typeof reason === 'string' ? reason : undefined,
  };
}

export function encodeNotes(notes: Iterable<StoreNote>): Uint8Array<ArrayBuffer> {
  const stores = [...notes].toSorted((a, b) => (a.store < b.store ? -1 : 1));
  return encodeJson({ stores });
}

/** What is new replaces what was said of the same store; how long it has been so stays. */
export function mergeNotes(known: readonly StoreNote[], news: readonly StoreNote[]): StoreNote[] {
  const merged = new Map(known.map((note) => [note.store, note]));
  for (const note of news) {
    const before = merged.get(note.store);
    const isSame = before?.inStep === note.inStep && (note.id === undefined || before.id === note.id);
    merged.set(note.store, {
      ...note,
      id: note.id ?? before?.id,
      since: isSame ? before.since : note.since,
    });
  }
  return [...merged.values()];
}

/** Tells one store. @throws {StoreError} */
export function writeNotes(store: Store, news: readonly StoreNote[]): Promise<void> {
  return changeObject(store, STORES_KEY, 'application/json', (bytes) =>
    encodeNotes(mergeNotes(bytes === undefined ? [] : decodeNotes(bytes), news)),
  );
}
