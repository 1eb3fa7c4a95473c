import { createHash as createNodeHash } from 'node:crypto';
import type { Algorithm } from '../../../core/digest.ts';
import type { Hasher } from '../../engine/runtime.ts';
import { countBytes } from './garbage-collection.ts';

/** A hash by Node's own cryptography. Every byte that is copied is hashed, so the garbage collection counts the bytes here. */
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
