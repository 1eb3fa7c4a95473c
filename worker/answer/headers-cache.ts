/**
 * Remembers the headers of answers from memory. To pass a dozen strings to the runtime for each request is a third of the
 * edge's own work for a warm answer (docs/decisions/0111).
 */
import type { Trace } from '../isolate/request-context.ts';
import type { EdgeRequest } from '../request/request.ts';
import type { Answer } from './answer.ts';
import { addDebugHeaders } from './headers.ts';

interface Entry {
  /** A weak reference, so that this entry does not keep an object in memory that its cache has removed. */
  readonly madeFrom: WeakRef<object> | string;
  readonly headers: Headers;
}

export class HeadersCache {
  /** An entry disappears with its parsed request, and the parser remembers only so many. */
  readonly #entries = new WeakMap<EdgeRequest, Entry>();

  /** The answer's headers with the debug headers. They are the same object if request and content are the same. */
  headersOf(request: EdgeRequest, answer: Answer, trace: Trace, durationMs: number): HeadersInit {
    const { madeFrom } = answer;
    const isWarm =
      madeFrom !== undefined &&
      trace.source === 'memory' &&
      trace.reads === 0 &&
      trace.staleSeconds === undefined;
    const entry = isWarm ? this.#entries.get(request) : undefined;
    if (entry !== undefined && valueOf(entry.madeFrom) === madeFrom) return entry.headers;
    const name = 'name' in request ? request.name : undefined;
    addDebugHeaders(answer.headers, name, trace, durationMs);
    if (!isWarm || madeFrom === undefined) return answer.headers;
    const headers = new Headers(answer.headers);
    const reference = typeof madeFrom === 'string' ? madeFrom : new WeakRef(madeFrom);
    this.#entries.set(request, { madeFrom: reference, headers });
    return headers;
  }
}

function valueOf(madeFrom: Entry['madeFrom']): object | string | undefined {
  return typeof madeFrom === 'string' ? madeFrom : madeFrom.deref();
}
