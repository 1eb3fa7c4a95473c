/**
 * Signs the statuses in `state/_stores.json`. The key is derived from the secret of the store that a status is about,
 * because whoever has that secret can write the store anyway. The writer of another store lacks it, and so cannot claim
 * that the store is behind. docs/decisions/0092-signed-notes.md
 */
import { fromBase64, toBase64 } from '../../../core/base64.ts';
import type { ReplicaStatus } from './replica-status.ts';

/** The store that holds a status. Its name and its id are signed too, so a status counts in this store alone. */
export interface StatusHolder {
  readonly name: string;
  readonly id: string | undefined;
}

/** `CryptoKey`, a name that the types of Node lack. */
type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

const PURPOSE = 'lifeboat: notes about a store, 1';

const encoder = new TextEncoder();

export class StatusSigner {
  readonly #secretOf: (store: string) => string | undefined;
  readonly #keys = new Map<string, Promise<Key>>();

  /** @param secretOf the secret by a store's name; undefined for a store without a stable one */
  constructor(secretOf: (store: string) => string | undefined) {
    this.#secretOf = secretOf;
  }

  canSign(store: string): boolean {
    return this.#secretOf(store) !== undefined;
  }

  /** @returns the status with a signature, or without one if its store has no secret or is undecided */
  async sign(status: ReplicaStatus, holder: StatusHolder): Promise<ReplicaStatus> {
    const key = await this.#keyFor(status.store);
    if (key === undefined || status.undecided === true) return { ...status, signature: undefined };
    const signature = await crypto.subtle.sign('HMAC', key, signedBytes(status, holder));
    return { ...status, signature: toBase64(new Uint8Array(signature)) };
  }

  /** @returns whether the job wrote this status into this store */
  async isGenuine(status: ReplicaStatus, holder: StatusHolder): Promise<boolean> {
    const key = await this.#keyFor(status.store);
    const signature = decodeSignature(status.signature);
    if (key === undefined || signature === undefined || status.undecided === true) return false;
    return crypto.subtle.verify('HMAC', key, signature, signedBytes(status, holder));
  }

  async #keyFor(store: string): Promise<Key | undefined> {
    const secret = this.#secretOf(store);
    if (secret === undefined) return undefined;
    const key = this.#keys.get(store) ?? deriveKey(secret);
    this.#keys.set(store, key);
    return key;
  }
}

/** The secret of a store also signs requests, so the key for statuses is derived from it and not the secret itself. */
async function deriveKey(secret: string): Promise<Key> {
  const material = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, ['deriveKey']);
  const how = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: encoder.encode(PURPOSE) };
  const made = { name: 'HMAC', hash: 'SHA-256', length: 256 };
  return crypto.subtle.deriveKey(how, material, made, false, ['sign', 'verify']);
}

/** Encodes an array, because its values have an order, and text cannot move from one value into the next. */
function signedBytes(status: ReplicaStatus, holder: StatusHolder): Uint8Array<ArrayBuffer> {
  const { store, id = null, inStep, since, at, run, reason = null } = status;
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
