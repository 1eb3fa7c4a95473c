/**
 * Headers of answers from memory, made once and given again: to hand a dozen strings to the runtime for each
 * request costs more than all else that a warm answer needs.
 */
import { addDebugHeaders, type Answer } from './headers.ts';
import type { EdgeRequest } from '../request/request.ts';
import type { Trace } from '../isolate/request-context.ts';

interface Made {
  /** Weakly: what a shelf has let go of must not stay in memory for its headers' sake. */
  readonly from: WeakRef<object> | string;
  readonly headers: Headers;
}

export class HeadersCache {
  /** Goes with the parsed request, of which only so many are kept. */
  readonly #made = new WeakMap<EdgeRequest, Made>();

  /** The answer's headers with what explains it: the same ones for a request that is answered from the same. */
  of(request: EdgeRequest, answer: Answer, trace: Trace, milliseconds: number): HeadersInit {
    const { from } = answer;
    const isWarm =
      from !== undefined &&
      trace.source === 'memory' &&
      trace.reads === 0 &&
      trace.staleSeconds === undefined;
    const made = isWarm ? this.#made.get(request) : undefined;
    if (made !== undefined && valueOf(made.from) === from) return made.headers;
    const name = 'name' in request ? request.name : undefined;
    addDebugHeaders(answer.headers, name, trace, milliseconds);
    if (!isWarm || from === undefined) return answer.headers;
    const headers = new Headers(answer.headers);
    this.#made.set(request, { from: typeof from === 'string' ? from : new WeakRef(from), headers });
    return headers;
  }
}

function valueOf(from: Made['from']): object | string | undefined {
  return typeof from === 'string' ? from : from.deref();
}
