/**
 * Sets flags of V8, and collects garbage, so that a run holds little more memory than it uses. Without them, V8 lets
 * the memory grow to a multiple of that. docs/decisions/0086-the-heap-of-a-long-run.md has the figures.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Keeps the space for young objects small. Hardly any of them survive, so a larger space brings nothing. */
const NO_SEMI_SPACE_GROWTH = '--semi-space-growth-factor=1';
/**
 * Starts the next collection when the heap has grown by half of its live objects. V8 by default waits for several times
 * that.
 */
const HEAP_GROWTH = '--heap-growing-percent=50';
/**
 * Marks the heap only when the heap itself is full. By default V8 marks it after each 20 MB of streamed bytes, although
 * these lie outside of the heap. That takes a quarter of the processor time that a large layer needs.
 */
const NO_INCREMENTAL_MARKING = '--no-incremental-marking';

/** From this request on, the heap is kept small. A run with fewer requests is short, and would take a third longer. */
const SHORT_RUN_REQUESTS = 200;
/** The chunks of streams are collected after this many bytes. That takes a few hundredths of the time of a copy. */
const COLLECT_EVERY_BYTES = 8 * 1024 * 1024;

let requests = 0;
let isKeptSmall = false;
let uncollectedBytes = 0;
let collector: Collector | undefined;
let isShrunk = false;

/** Counts one request. After enough of them, the heap is kept small for the rest of the run. */
export function countRequest(): void {
  requests += 1;
  if (requests === SHORT_RUN_REQUESTS) keepHeapSmall();
}

/** Keeps the heap small from now on, for a command that is long, and whose listings are not counted. */
export function keepHeapSmall(): void {
  if (isKeptSmall) return;
  isKeptSmall = true;
  setFlagsFromString(NO_SEMI_SPACE_GROWTH);
  setFlagsFromString(HEAP_GROWTH);
  // A flag takes effect at the end of a collection, when V8 decides when the next one comes. This kind of collection
  // also returns the memory for young objects that has grown until now.
  exposeCollector()({ type: 'major', flavor: 'last-resort' });
}

/**
 * Counts the bytes of a stream. The chunks of a stream are short-lived and lie outside of V8's heap, where V8 by
 * default lets 60 MB and more of them wait before it collects them.
 * @param streamedBytes the bytes of the same stream so far
 */
export function countBytes(bytes: number, streamedBytes: number): void {
  uncollectedBytes += bytes;
  if (uncollectedBytes < COLLECT_EVERY_BYTES) return;
  uncollectedBytes = 0;
  collector ??= createStreamCollector();
  // The first large blob fills all buffers. This collection then frees the pages that the start needed: 20 MB, by then
  // almost empty. It takes a tenth of a second. Later V8 collects the old objects in time by itself.
  const shrinks = streamedBytes >= COLLECT_EVERY_BYTES && !isShrunk;
  isShrunk ||= shrinks;
  collector(shrinks ? { type: 'major', flavor: 'last-resort' } : { type: 'minor', flavor: 'regular' });
}

/**
 * Passes on the chunks of a stream, and frees the memory of each chunk when the next one is requested. By default V8
 * would let tens of megabytes of them wait.
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

/** Returns V8's own collector, or one that does nothing if this Node has none. */
function exposeCollector(): Collector {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  return (options) => {
    if (typeof collect === 'function') Reflect.apply(collect, undefined, [options]);
  };
}
