/**
 * Signatures of the notes in `state/_stores.json`. A note about a store is signed with a key that is made from that
 * store's own secret, because whoever has the secret can write the store anyway. The writer of another store lacks it,
 * and so cannot say that the store is behind. docs/decisions/0092-signed-notes.md
 */
import { fromBase64, toBase64 } from '../../../core/base64.ts';
import type { StoreNote } from './replica-status.ts';

/** The store that keeps a note. Its name and its id are signed too, so a note counts in this store alone. */
export interface NoteHolder {
  readonly name: string;
  readonly id: string | undefined;
}

/** `CryptoKey`, whose name the types of Node do not have. */
type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

const PURPOSE = 'lifeboat: notes about a store, 1';

const encoder = new TextEncoder();

export class NoteSigner {
  readonly #secretOf: (store: string) => string | undefined;
  readonly #keys = new Map<string, Promise<Key>>();

  /** @param secretOf the secret by a store's name; undefined for a store without a stable one */
  constructor(secretOf: (store: string) => string | undefined) {
    this.#secretOf = secretOf;
  }

  canSign(store: string): boolean {
    return this.#secretOf(store) !== undefined;
  }

  /** @returns the note with a signature, or without one if the store that it is about has no secret or is undecided */
  async sign(note: StoreNote, holder: NoteHolder): Promise<StoreNote> {
    const key = await this.#keyFor(note.store);
    if (key === undefined || note.undecided === true) return { ...note, signature: undefined };
    const signature = await crypto.subtle.sign('HMAC', key, signedBytes(note, holder));
    return { ...note, signature: toBase64(new Uint8Array(signature)) };
  }

  /** Returns whether the job wrote this note into this store. */
  async isGenuine(note: StoreNote, holder: NoteHolder): Promise<boolean> {
    const key = await this.#keyFor(note.store);
    const signature = decodeSignature(note.signature);
    if (key === undefined || signature === undefined || note.undecided === true) return false;
    return crypto.subtle.verify('HMAC', key, signature, signedBytes(note, holder));
  }

  async #keyFor(store: string): Promise<Key | undefined> {
    const secret = this.#secretOf(store);
    if (secret === undefined) return undefined;
    const key = this.#keys.get(store) ?? deriveKey(secret);
    this.#keys.set(store, key);
    return key;
  }
}

/** The secret of a store also signs requests, so the key for notes is derived and not the secret itself. */
async function deriveKey(secret: string): Promise<Key> {
  const material = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, ['deriveKey']);
  const how = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: encoder.encode(PURPOSE) };
  const made = { name: 'HMAC', hash: 'SHA-256', length: 256 };
  return crypto.subtle.deriveKey(how, material, made, false, ['sign', 'verify']);
}

/** An array, because the order of its values is fixed and nothing can move from one value into the next. */
function signedBytes(note: StoreNote, holder: NoteHolder): Uint8Array<ArrayBuffer> {
  const { store, id = null, inStep, since, at, run, reason = null } = note;
  return encoder.encode(
    JSON.stringify([holder.name, holder.id ?? null, store, id, inStep, since, at, run, reason]),
  );
}

function decodeSignature(text: string | undefined): Uint8Array<ArrayBuffer> | undefined {
  if (text === undefined) return undefined;
  try {
    return fromBase64(text);
  } catch {
    return undefined;
  }
}
