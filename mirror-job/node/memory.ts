import type { Hash } from 'node:crypto';
import type { Environment } from '../engine/environment.ts';
import { crypto } from './builtin.ts';

/** Bytes of streams after which what they left is collected: a few hundredths of the time that copying takes. */
const COLLECT_EVERY = 8 * 1024 * 1024;
/**
 * Of so many collections one is of all objects: with several connections there are always chunks on their way, which
 * a collection of the young ones takes for old.
 */
const WHOLE_EVERY = 8;

/**
 * Hashes, and keeps what waits to be collected small. A stream's chunks are short-lived and outside of V8's heap,
 * where it lets 60 MB and more of them lie before it looks: copying a large layer took that much more memory
 * than it used. Every byte that is copied is hashed, so here is where they can be counted.
 */
export function hashAndCollect(): Environment['createHash'] {
  let collect: (() => void) | undefined;
  let hashed = 0;
  return (algorithm) => {
    const hash: Hash = crypto.createHash(algorithm);
    return {
      update(bytes) {
        hash.update(bytes);
        hashed += bytes.length;
        if (hashed < COLLECT_EVERY) return;
        hashed = 0;
        collect ??= collector();
        collect();
      },
      digest: () => hash.digest(),
    };
  };
}

/** V8's own collector; nothing where this Node has none. */
function collector(): () => void {
  const v8 = process.getBuiltinModule('node:v8');
  // Nor need the young objects' own space grow to its usual 48 MB: hardly any of them survive.
  v8.setFlagsFromString('--semi-space-growth-factor=1');
  v8.setFlagsFromString('--expose-gc');
  const collect: unknown = process.getBuiltinModule('node:vm').runInNewContext('gc');
  let turns = 0;
  return () => {
    turns += 1;
    const type = turns % WHOLE_EVERY === 0 ? 'major' : 'minor';
    if (typeof collect === 'function') Reflect.apply(collect, undefined, [{ type }]);
  };
}
