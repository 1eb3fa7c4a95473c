/** One line of JSON a request, without queries: a signed URL or a token must not end up in a log. */
import { printable } from '../core/printable.ts';
import type { EdgeRequest } from './request/request.ts';
import type { Trace } from './isolate/request-context.ts';

export interface Event {
  readonly kind: EdgeRequest['kind'];
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly trace: Trace;
}

export type Log = (event: Event) => void;

/** What went wrong while something kept was asked for anew: its request was answered, and logged, before. */
export interface RefreshFailure {
  /** Of the object, in its bucket. */
  readonly key: string;
  readonly failures: readonly string[];
}

/** A mistake of ours, as a failure that the log shows as an error. */
export function faultOf(error: unknown): string {
  return `FAULT of the edge: ${error instanceof Error ? (error.stack ?? error.message) : 'unknown'}`;
}

/** Wrong bytes and mistakes of ours are errors, other failures warnings, whatever the client was answered. */
export function logToConsole({ kind, method, path, status, milliseconds, trace }: Event): void {
  const { failures } = trace;
  const line = JSON.stringify({
    kind,
    method,
    path: path.slice(0, 512),
    status,
    ms: milliseconds,
    storeMs: trace.storeMilliseconds,
    reads: trace.reads,
    source: trace.source,
    store: trace.store,
    staleSeconds: trace.staleSeconds,
    since: trace.since,
    token: trace.token,
    failures: failures.length > 0 ? failures : undefined,
  });
  if (failures.length === 0) console.log(line);
  else logFailures(line, failures);
}

export function logRefreshFailure({ key, failures }: RefreshFailure): void {
  logFailures(JSON.stringify({ kind: 'refresh', key, failures }), failures);
}

/** Only failures quote what a bucket holds, so only these lines can have characters that change a terminal. */
function logFailures(json: string, failures: readonly string[]): void {
  const line = printable(json);
  if (failures.some((failure) => /^(?:CORRUPT|FAULT)/.test(failure))) console.error(line);
  else console.warn(line);
}

/**
 * `ANALYTICS`, an Analytics Engine binding that may be left out: a data point a request. Index: the kind of
 * request. Blobs: where the answer came from, the store, the token's name. Doubles: status, milliseconds, reads.
 */
export function logToAnalytics(dataset: Pick<AnalyticsEngineDataset, 'writeDataPoint'>): Log {
  return ({ kind, status, milliseconds, trace }) => {
    dataset.writeDataPoint({
      indexes: [kind],
      blobs: [trace.source ?? '', String(trace.store ?? ''), trace.token ?? ''],
      doubles: [status, milliseconds, trace.reads],
    });
  };
}
