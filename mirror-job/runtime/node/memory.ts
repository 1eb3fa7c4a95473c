import type { Hash } from 'node:crypto';
import type { Environment } from '../../engine/environment.ts';
import { crypto } from './builtin.ts';

/** Bytes of streams after which what they left is collected: a few hundredths of the time that copying takes. */
const COLLECT_EVERY = 8 * 1024 * 1024;
/** Hardly any of the young objects survive, so that a larger space for them brings nothing. */
const NO_SEMI_SPACE_GROWTH = '--semi-space-growth-factor=1';
/** A run with fewer requests is short, and would spend a third more processor time if it collected as often. */
const SHORT_RUN = 200;
/** By how much of what is alive the heap grows before it is collected. V8 would let it grow to several times that. */
const HEAP_GROWTH = '--heap-growing-percent=50';

let requests = 0;

/**
 * Called for each request. From the 200th on, the heap is kept near to what is alive in it: in a run over thousands of
 * tags V8 would let the space for young objects alone grow to 130 MB (docs/decisions/0086-the-heap-of-a-long-run.md).
 */
export function countRequest(): void {
  requests += 1;
  if (requests !== SHORT_RUN) return;
  const v8 = process.getBuiltinModule('node:v8');
  v8.setFlagsFromString(NO_SEMI_SPACE_GROWTH);
  v8.setFlagsFromString(HEAP_GROWTH);
  // V8 decides at the end of a collection when the next one comes, so that a flag needs one to take effect. This kind
  // also gives back the space for young objects that has grown until now.
  exposeCollector()({ type: 'major', flavor: 'last-resort' });
}

/**
 * Hashes, and keeps what waits to be collected small. A stream's chunks are short-lived and outside of V8's heap,
 * where it lets 60 MB and more of them lie before it looks: copying a large layer took that much more memory
 * than it used. Every byte that is copied is hashed, so here is where they can be counted.
 */
export function createCollectingHash(): Environment['createHash'] {
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

function collector(): (isLarge: boolean) => void {
  const v8 = process.getBuiltinModule('node:v8');
  v8.setFlagsFromString(NO_SEMI_SPACE_GROWTH);
  // What streams leave outside of the heap would have all of it marked after each 20 MB or so, beside the copying: a
  // quarter of the processor's time that a large layer takes. When the heap itself has to be looked at, it is at once.
  v8.setFlagsFromString('--no-incremental-marking');
  const collect = exposeCollector();
  let isShrunk = false;
  return (isLarge) => {
    // With the first large blob, which fills all buffers, goes what the start took: 20 MB of pages that hold hardly
    // anything any more. It takes a tenth of a second. Later V8 looks at the old objects in good time by itself.
    collect(
      isLarge && !isShrunk ? { type: 'major', flavor: 'last-resort' } : { type: 'minor', flavor: 'regular' },
    );
    isShrunk ||= isLarge;
  };
}

/** V8's own collector; nothing where this Node has none. */
function exposeCollector(): (options: {
  readonly type: 'major' | 'minor';
  readonly flavor: 'regular' | 'last-resort';
}) => void {
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
  const collect: unknown = process.getBuiltinModule('node:vm').runInNewContext('gc');
  return (options) => {
    if (typeof collect === 'function') Reflect.apply(collect, undefined, [options]);
  };
}
