import type { Hash } from 'node:crypto';
import type { Environment } from '../engine/environment.ts';
import { crypto } from './builtin.ts';

/** Bytes of streams after which what they left is collected: a few hundredths of the time that copying takes. */
const COLLECT_EVERY = 8 * 1024 * 1024;
/**
 * Hashes, and keeps what waits to be collected small. A stream's chunks are short-lived and outside of V8's heap,
 * where it lets 60 MB and more of them lie before it looks: copying a large layer took that much more memory
 * than it used. Every byte that is copied is hashed, so here is where they can be counted.
 */
export function hashAndCollect(): Environment['createHash'] {
  let collect: ((isLarge: boolean) => void) | undefined;
  let waiting = 0;
  return (algorithm) => {
    const hash: Hash = crypto.createHash(algorithm);
    let hashed = 0;
    return {
      update(bytes) {
        hash.update(bytes);
        hashed += bytes.length;
        waiting += bytes.length;
        if (waiting < COLLECT_EVERY) return;
        waiting = 0;
        collect ??= collector();
        collect(hashed >= COLLECT_EVERY);
      },
      digest: () => hash.digest(),
    };
  };
}

/** V8's own collector; nothing where this Node has none. */
function collector(): (isLarge: boolean) => void {
  const v8 = process.getBuiltinModule('node:v8');
  // Nor need the young objects' own space grow to its usual 48 MB: hardly any of them survive.
  v8.setFlagsFromString('--semi-space-growth-factor=1');
  // What streams leave outside of the heap would have all of it marked after each 20 MB or so, beside the copying: a
  // quarter of the processor's time that a large layer takes. When the heap itself has to be looked at, it is at once.
  v8.setFlagsFromString('--no-incremental-marking');
  v8.setFlagsFromString('--expose-gc');
  const collect: unknown = process.getBuiltinModule('node:vm').runInNewContext('gc');
  let isShrunk = false;
  return (isLarge) => {
    // With the first large blob, which fills all buffers, goes what the start took: 20 MB of pages that hold hardly
    // anything any more. It takes a tenth of a second. Later V8 looks at the old objects in good time by itself.
    const options =
      isLarge && !isShrunk ? { type: 'major', flavor: 'last-resort' } : { type: 'minor', flavor: 'regular' };
    isShrunk ||= isLarge;
    if (typeof collect === 'function') Reflect.apply(collect, undefined, [options]);
  };
}
