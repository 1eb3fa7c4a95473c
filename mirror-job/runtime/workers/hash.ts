/** The hashes of Workers: those of `node:crypto`, which their runtime implements natively. Web Crypto hashes whole texts only. */
import { createHash as createNativeHash } from 'node:crypto';
import type { Algorithm } from '../../../core/digest.ts';
import type { Hasher } from '../../engine/runtime.ts';

export function createHash(algorithm: Algorithm): Hasher {
  const hash = createNativeHash(algorithm);
  return {
    update: (bytes) => {
      hash.update(bytes);
    },
    digest: () => hash.digest(),
  };
}
