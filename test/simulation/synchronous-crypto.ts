/**
 * Web Crypto that answers at once. The real one hashes in other threads, so the order of its answers would be chance that no
 * seed decides. It has only the functions that core/ and the engine use.
 */
import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

interface Key {
  readonly bytes: Uint8Array;
}

interface Derivation {
  readonly salt: Uint8Array;
  readonly info: Uint8Array;
}

const ALGORITHMS: Readonly<Record<string, string>> = { 'SHA-256': 'sha256', 'SHA-512': 'sha512' };

const KEY_BYTES = 32;

const subtle = {
  digest: async (name: string, bytes: Uint8Array) =>
    createHash(ALGORITHMS[name] ?? name)
      .update(bytes)
      .digest(),
  importKey: async (_format: string, bytes: Uint8Array): Promise<Key> => ({ bytes }),
  deriveKey: async ({ salt, info }: Derivation, { bytes }: Key): Promise<Key> => ({
    bytes: new Uint8Array(hkdfSync('sha256', bytes, salt, info, KEY_BYTES)),
  }),
  sign: async (_name: string, { bytes }: Key, message: Uint8Array) =>
    createHmac('sha256', bytes).update(message).digest(),
  verify: async (_name: string, { bytes }: Key, signature: Uint8Array, message: Uint8Array) => {
    const right = createHmac('sha256', bytes).update(message).digest();
    return signature.length === right.length && timingSafeEqual(signature, right);
  },
};

/** Replaces Web Crypto in this process. @returns what puts the real one back */
export function makeCryptoSynchronous(): () => void {
  const real = Object.getOwnPropertyDescriptor(globalThis, 'crypto');
  Object.defineProperty(globalThis, 'crypto', { value: { subtle }, configurable: true, writable: true });
  return () => {
    if (real !== undefined) Object.defineProperty(globalThis, 'crypto', real);
  };
}
