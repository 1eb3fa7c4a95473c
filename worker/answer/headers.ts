/** The headers that all answers have in common. */
import type { Audience } from '../../core/identity.ts';
import type { Mutability } from '../../core/key-kind.ts';
import type { Trace } from '../isolate/request-context.ts';
import type { Name } from '../request/request.ts';

/** Whether caches may keep an answer: for ever, with a check each time, or not at all. */
export type CachePolicy = Mutability | 'uncached';

/**
 * Cache-Control. `no-transform`, because a proxy that compresses removes Content-Length, and clients need it. `private`,
 * because a shared cache would give one token's answer to another.
 */
export const CACHE_CONTROL = {
  public: {
    immutable: 'public, max-age=31536000, immutable, no-transform',
    mutable: 'no-cache, no-transform',
    uncached: 'no-store, no-transform',
  },
  token: {
    immutable: 'private, max-age=31536000, immutable, no-transform',
    mutable: 'private, no-cache, no-transform',
    uncached: 'no-store, no-transform',
  },
} as const satisfies Record<Audience, Record<CachePolicy, string>>;

/** Adds headers that tell where an answer came from, for people who debug a pull. Clients ignore them. */
export function addDebugHeaders(
  headers: Record<string, string>,
  name: Name | undefined,
  trace: Trace,
  durationMs: number,
): void {
  if (trace.reads > 0) {
    const store = `store;dur=${trace.storeMs};desc="${trace.reads}"`;
    headers['Server-Timing'] = `total;dur=${durationMs}, ${store}`;
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
