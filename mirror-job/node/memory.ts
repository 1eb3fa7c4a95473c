import { createHash, type Hash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Environment } from '../engine/environment.ts';

/** Bytes of streams after which what they left is collected: a few hundredths of the time that copying takes. */
const COLLECT_EVERY = 8 * 1024 * 1024;

/**
 * Hashes, and keeps what waits to be collected small. A stream's chunks are short-lived and outside of V8's heap,
 * where it lets 60 MB and more of them lie before it looks: copying a large layer took that much more memory
 * than it used. Every byte that is copied is hashed, so here is where they can be counted.
 */
export function hashAndCollect(): Environment['createHash'] {
  // Nor need the young objects' own space grow to its usual 48 MB: hardly any of them survive.
  setFlagsFromString('--semi-space-growth-factor=1');
  const collect = collector();
  let hashed = 0;
  return (algorithm) => {
    const hash: Hash = createHash(algorithm);
    return {
      update(bytes) {
        hash.update(bytes);
        hashed += bytes.length;
        if (hashed < COLLECT_EVERY) return;
        hashed = 0;
        collect();
      },
      digest: () => hash.digest(),
    };
  };
}

/** V8's own collector of young objects; nothing where this Node has none. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  return () => {
    if (typeof collect === 'function') Reflect.apply(collect, undefined, [{ type: 'minor' }]);
  };
}
