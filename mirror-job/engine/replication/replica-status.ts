/**
 * `state/_stores.json`: which of the stores that are filled together are in step. Each store keeps what it was
 * told while it could be written, so a store that was away does not know that it is behind: the others do.
 * status-evidence.ts decides which of these notes count.
 */
import { isTime } from '../../../core/bucket-object.ts';
import { encodeJson, isObject, parseJson } from '../../../core/json.ts';
import { STORES_KEY } from '../../../core/layout.ts';
import { updateObject } from '../store/compare-and-swap.ts';
import type { NoteHolder, NoteSigner } from './status-signature.ts';
import type { Store } from '../store/store.ts';

export interface StoreNote {
  /** As messages call it: endpoint, bucket and prefix. */
  readonly store: string;
  /** The bucket's own, so that another bucket in its place is not taken for it; undefined where it is not known. */
  readonly id: string | undefined;
  /** Whether it has all that any other store has that is in step. */
  readonly inStep: boolean;
  /** Since when. ISO 8601, UTC. */
  readonly since: string;
  /** When it was said last. ISO 8601, UTC. Orders what different stores were told about one store. */
  readonly at: string;
  /** Which run has said so last: each time the object changes, so that a run which goes by an older one notices. */
  readonly run: string;
  /** Why it is behind. */
  readonly reason?: string | undefined;
  /**
   * Whether it is behind only because a run left it out until a person decides. Such a note is never signed, and says
   * nothing against the store once that is listed first.
   */
  readonly undecided?: boolean | undefined;
  /** Shows that the job wrote the note; missing if the store that it is about has no stable secret. */
  readonly signature?: string | undefined;
}

/** The store that keeps the notes, and what signs them. */
export interface NoteKeeper {
  readonly store: Store;
  readonly holder: NoteHolder;
  readonly signer: NoteSigner;
}

/** Longer reasons are cut, so that the notes of all stores fit into what is read of the object. */
const LONGEST_REASON = 1000;

/** @returns nothing for what cannot be read: a store of which nothing is known is compared */
export function decodeNotes(bytes: Uint8Array): StoreNote[] {
  try {
    const json = parseJson(bytes);
    const stores: unknown = isObject(json) ? json['stores'] : undefined;
    return Array.isArray(stores) ? newestNotes(stores.flatMap((one: unknown) => readNote(one) ?? [])) : [];
  } catch {
    return [];
  }
}

/**
 * One note per store name, as the job writes them. More than one is somebody else's work. The newest is kept, because a
 * later note of the job settles an earlier one; of the same time the last one, as in any JSON object.
 */
function newestNotes(notes: readonly StoreNote[]): StoreNote[] {
  const newest = new Map<string, StoreNote>();
  for (const note of notes) {
    const other = newest.get(note.store);
    if (other === undefined || note.at >= other.at) newest.set(note.store, note);
  }
  return [...newest.values()];
}

function readNote(value: unknown): StoreNote | undefined {
  if (!isObject(value)) return undefined;
  // Earlier versions did not write `at`.
  const { store, id, inStep, since, at = since, run, reason, undecided, signature } = value;
  if (typeof store !== 'string' || typeof inStep !== 'boolean') return undefined;
  if (!isTime(since) || !isTime(at) || typeof run !== 'string') return undefined;
  return {
    store,
    id: typeof id === 'string' ? id : undefined,
    inStep,
    since,
    at,
    run,
    reason: typeof reason === 'string' ? reason : undefined,
    undecided: undecided === true ? true : undefined,
    signature: typeof signature === 'string' ? signature : undefined,
  };
}

export function encodeNotes(notes: Iterable<StoreNote>): Uint8Array<ArrayBuffer> {
  const stores = [...notes].toSorted((a, b) => (a.store < b.store ? -1 : 1));
  return encodeJson({ stores });
}

/**
 * Each new note replaces the one about the same store, and is signed. Three things of the old note stay: the id of a
 * store that is away, since when it has been so, and a time that is later than the clock's, from a clock that was ahead.
 * They stay only if the job signed the old note, because the new signature covers them.
 */
export async function mergeNotes(
  known: readonly StoreNote[],
  news: readonly StoreNote[],
  { holder, signer }: Pick<NoteKeeper, 'holder' | 'signer'>,
): Promise<StoreNote[]> {
  const merged = new Map(known.map((note) => [note.store, note]));
  for (const note of news) {
    const old = merged.get(note.store);
    const isGenuine = old !== undefined && (await signer.isGenuine(old, holder));
    // A note that will have no signature vouches for nothing, so what an unsigned one says may stay in it.
    const before = isGenuine || note.undecided === true || !signer.canSign(note.store) ? old : undefined;
    const isSame = before?.inStep === note.inStep && (note.id === undefined || before.id === note.id);
    const isLater = isGenuine && old.at > note.at;
    const next = {
      ...note,
      id: note.id ?? before?.id,
      reason: shorten(note.reason),
      since: isSame ? before.since : note.since,
      at: isLater ? old.at : note.at,
    };
    merged.set(note.store, await signer.sign(next, holder));
  }
  return [...merged.values()];
}

function shorten(reason: string | undefined): string | undefined {
  return reason !== undefined && reason.length > LONGEST_REASON
    ? `${reason.slice(0, LONGEST_REASON)}…`
    : reason;
}

/** Tells one store. @throws {StoreError} */
export function writeNotes(keeper: NoteKeeper, news: readonly StoreNote[]): Promise<void> {
  return updateObject(keeper.store, STORES_KEY, 'application/json', async (bytes) =>
    encodeNotes(await mergeNotes(bytes === undefined ? [] : decodeNotes(bytes), news, keeper)),
  );
}

/**
 * Tells one store, unless another run has told it something else about a store that is in step from now on.
 * @param known what the store said when this run began
 * @throws {StoreError}
 */
export async function writeNotesIfSame(
  keeper: NoteKeeper,
  known: readonly StoreNote[],
  news: readonly StoreNote[],
): Promise<'written' | 'conflict'> {
  let result: 'written' | 'conflict' = 'written';
  await updateObject(keeper.store, STORES_KEY, 'application/json', async (bytes) => {
    const present = bytes === undefined ? [] : decodeNotes(bytes);
    const isOther = news.some(
      (note) => note.inStep && runOf(present, note.store) !== runOf(known, note.store),
    );
    result = isOther ? 'conflict' : 'written';
    return isOther ? undefined : encodeNotes(await mergeNotes(present, news, keeper));
  });
  return result;
}

function runOf(notes: readonly StoreNote[], store: string): string | undefined {
  return notes.find((note) => note.store === store)?.run;
}
