import { createHash as createNodeHash } from 'node:crypto';
import type { Algorithm } from '../../../core/digest.ts';
import type { Hasher } from '../../engine/runtime.ts';
import { countBytes } from './garbage-collection.ts';

/**
 * Creates a hash by Node's own cryptography. Every copied byte is hashed, so the hash also counts the bytes for the
 * garbage collection.
 */
export function createHash(algorithm: Algorithm): Hasher {
  const hash = createNodeHash(algorithm);
  let hashedBytes = 0;
  return {
    update(bytes) {
      hash.update(bytes);
      hashedBytes += bytes.length;
      countBytes(bytes.length, hashedBytes);
    },
    digest: () => hash.digest(),
  };
}
