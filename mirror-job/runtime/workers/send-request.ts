/** Sends one request by the `fetch` of Workers: its answer comes from the server itself, and as the server sent it. */
import { TimeoutError } from '../../engine/support/timeout-error.ts';

/** Newer than the types of `fetch`. */
interface Init extends RequestInit {
  readonly encodeResponseBody: 'manual';
}

/**
 * @param init no redirect is followed, whatever it says
 * @param timeoutMs until the response begins
 * @throws {TimeoutError} when none has begun in time; the signal's reason; the runtime's error for a connection that fails
 */
export async function sendRequest(url: URL, init: RequestInit, timeoutMs: number): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new TimeoutError('an answer')), timeoutMs);
  const { signal } = init;
  const whole: Init = {
    ...init,
    redirect: 'manual',
    // A cache on the way could give an old answer.
    cache: 'no-store',
    // An encoding that is undone would change the bytes of a digest.
    encodeResponseBody: 'manual',
    signal: signal === undefined || signal === null ? late.signal : AbortSignal.any([signal, late.signal]),
  };
  try {
    return await fetch(url, whole);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A read gives at most so many bytes. workerd's default reader gives 4 KiB at a time, and then the reads take half of the processor's
 * time, and their garbage 200 MB.
 */
const MAX_READ_BYTES = 64 * 1024;

/** The body of a response, which can be dropped while it is read. */
export class ResponseBody implements AsyncIterable<Uint8Array> {
  readonly #stream: ReadableStream<Uint8Array> | null;
  #reader: ReadableStreamBYOBReader | undefined;

  constructor({ body }: Response) {
    this.#stream = body;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    if (this.#stream === null) return;
    const reader = this.#stream.getReader({ mode: 'byob' });
    this.#reader = reader;
    try {
      for (;;) {
        const { done, value } = await reader.read(new Uint8Array(MAX_READ_BYTES));
        if (done) return;
        yield value;
      }
    } finally {
      this.discard();
    }
  }

  /** Drops the rest. It never fails: the connection may be broken already. */
  discard(): void {
    const ended = this.#reader === undefined ? this.#stream?.cancel() : this.#reader.cancel();
    ended?.catch(() => undefined);
  }
}
