/** What answers have in common. */
import type { Audience } from '../../core/identity.ts';
import type { Pieces } from '../isolate/large-body.ts';
import type { Name } from '../request/request.ts';
import type { Trace } from '../isolate/request-context.ts';

/** An answer, before it is a Response. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** Several pieces are sent one after the other. */
  readonly body: Uint8Array<ArrayBuffer> | Pieces | ReadableStream<Uint8Array> | string | null;
  /**
   * If set: two answers to one parsed request with the same `from`, both from memory, have the same status and headers.
   */
  readonly from?: object | string;
}

/**
 * How long others may keep an answer. `no-transform`: a proxy that compresses takes Content-Length away, and
 * clients need it. What only some may read is kept by nobody but who asked.
 */
export const CACHE_CONTROL = {
  public: {
    digest: 'public, max-age=31536000, immutable, no-transform',
    pointer: 'no-cache, no-transform',
    never: 'no-store, no-transform',
  },
  token: {
    digest: 'private, max-age=31536000, immutable, no-transform',
    pointer: 'private, no-cache, no-transform',
    never: 'no-store, no-transform',
  },
} as const satisfies Record<Audience, Record<string, string>>;

export type CachePolicy = keyof (typeof CACHE_CONTROL)[Audience];

/** Tells whoever debugs a pull where its answer came from; clients ignore it. */
export function addDebugHeaders(
  headers: Record<string, string>,
  name: Name | undefined,
  trace: Trace,
  milliseconds: number,
): void {
  if (trace.reads > 0) {
    const store = `store;dur=${trace.storeMilliseconds};desc="${trace.reads}"`;
    headers['Server-Timing'] = `total;dur=${milliseconds}, ${store}`;
  }
  if (name?.namespace !== undefined) headers['OCI-Namespace'] = name.namespace;
  if (trace.source !== undefined) {
    headers['Lifeboat-Cache'] =
      trace.staleSeconds !== undefined ? 'stale' : trace.source === 'store' ? 'miss' : `hit-${trace.source}`;
  }
  if (trace.store !== undefined) headers['Lifeboat-Store'] = String(trace.store);
  if (trace.since !== undefined) headers['Lifeboat-Since'] = trace.since;
  if (trace.staleSeconds !== undefined) headers['Lifeboat-Stale'] = String(trace.staleSeconds);
}
