/**
 * Flags of V8, and garbage collections, that keep the memory of a run near to what it uses. V8 alone lets it grow to a
 * multiple of that. docs/decisions/0086-the-heap-of-a-long-run.md has the figures.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Keeps the space for young objects small. Hardly any of them survive, so a larger space brings nothing. */
const NO_SEMI_SPACE_GROWTH = '--semi-space-growth-factor=1';
/** Starts the next collection when the heap has grown by half of what is alive. V8 alone waits for several times that. */
const HEAP_GROWTH = '--heap-growing-percent=50';
/**
 * Marks the heap only when the heap itself is full. V8 alone marks it after each 20 MB of streamed bytes, although they lie
 * outside of the heap, and so takes a quarter of the processor time that a large layer needs.
 */
const NO_INCREMENTAL_MARKING = '--no-incremental-marking';

/** From this request on, the heap is kept small. A run with fewer requests is short, and would need a third more time. */
const SHORT_RUN_REQUESTS = 200;
/** The bytes of streams after which their chunks are collected. That takes a few hundredths of the time of a copy. */
const COLLECT_EVERY_BYTES = 8 * 1024 * 1024;

let requests = 0;
let uncollectedBytes = 0;
let collector: Collector | undefined;
let isShrunk = false;

/** Called for each request. */
export function countRequest(): void {
  requests += 1;
  if (requests !== SHORT_RUN_REQUESTS) return;
  setFlagsFromString(NO_SEMI_SPACE_GROWTH);
  setFlagsFromString(HEAP_GROWTH);
  // A flag takes effect at the end of a collection, when V8 decides when the next one comes. This kind of collection also
  // gives back the space for young objects that has grown until now.
  exposeCollector()({ type: 'major', flavor: 'last-resort' });
}

/**
 * Called for the bytes of a stream. Its chunks are short-lived and lie outside of V8's heap, where V8 alone lets 60 MB and
 * more of them wait before it collects them.
 * @param streamedBytes the bytes of the same stream so far
 */
export function countBytes(bytes: number, streamedBytes: number): void {
  uncollectedBytes += bytes;
  if (uncollectedBytes < COLLECT_EVERY_BYTES) return;
  uncollectedBytes = 0;
  collector ??= createStreamCollector();
  // With the first large blob, which fills all buffers, the pages go that the start needed: 20 MB, by then almost empty.
  // That takes a tenth of a second. Later V8 collects the old objects in good time by itself.
  const shrinks = streamedBytes >= COLLECT_EVERY_BYTES && !isShrunk;
  isShrunk ||= shrinks;
  collector(shrinks ? { type: 'major', flavor: 'last-resort' } : { type: 'minor', flavor: 'regular' });
}

/**
 * Passes on the chunks of a stream, and frees the memory of each when the next one is asked for. V8 alone would let tens of
 * megabytes of them wait.
 */
export async function* freeingChunks(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    yield chunk;
    const { buffer } = chunk;
    // A small chunk shares its buffer with others.
    if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.length) buffer.transfer(0);
  }
}

type Collector = (options: {
  readonly type: 'major' | 'minor';
  readonly flavor: 'regular' | 'last-resort';
}) => void;

function createStreamCollector(): Collector {
  setFlagsFromString(NO_SEMI_SPACE_GROWTH);
  setFlagsFromString(NO_INCREMENTAL_MARKING);
  return exposeCollector();
}

/** V8's own collector. It does nothing if this Node has none. */
function exposeCollector(): Collector {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  return (options) => {
    if (typeof collect === 'function') Reflect.apply(collect, undefined, [options]);
  };
}
