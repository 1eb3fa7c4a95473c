/** One line of JSON per request. It has no query, because a signed URL or a token must not end up in a log. */
import { printable } from '../core/printable.ts';
import type { BackgroundFailure } from './isolate/failure.ts';
import type { Trace } from './isolate/request-context.ts';
import type { EdgeRequest } from './request/request.ts';

/** One answered request. */
export interface Event {
  readonly kind: EdgeRequest['kind'];
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly trace: Trace;
}

export type Log = (event: Event) => void;

/** Corrupt objects and faults of the edge are logged as errors, other failures as warnings, whatever the answer was. */
export function logToConsole({ kind, method, path, status, durationMs, trace }: Event): void {
  const { failures } = trace;
  const line = JSON.stringify({
    kind,
    method,
    path: path.slice(0, 512),
    status,
    ms: durationMs,
    storeMs: trace.storeMs,
    reads: trace.reads,
    source: trace.source,
    store: trace.store,
    staleSeconds: trace.staleSeconds,
    since: trace.since,
    token: trace.token,
    miss: trace.miss,
    failures: failures.length > 0 ? failures : undefined,
  });
  if (failures.length === 0) console.log(line);
  else logFailures(line, failures);
}

export function logBackgroundFailure({ kind, key, failures }: BackgroundFailure): void {
  logFailures(JSON.stringify({ kind: kind ?? 'refresh', key, failures }), failures);
}

/** The variable for which every request is refused. */
export function logRefusal(failure: string): void {
  console.error(printable(JSON.stringify({ kind: 'configuration', failures: [failure] })));
}

/** Only failures quote texts from a bucket, so only these lines can have characters that control a terminal. */
function logFailures(json: string, failures: readonly string[]): void {
  const line = printable(json);
  if (failures.some((failure) => /^(?:CORRUPT|FAULT)/.test(failure))) console.error(line);
  else console.warn(line);
}

/**
 * `ANALYTICS`, an optional binding of Analytics Engine: one data point per request. Index: the kind of request. Blobs: where
 * the answer came from, the store, the token's name, the image that the bucket lacks. Doubles: status, duration in milliseconds, reads.
 */
export function logToAnalytics(dataset: Pick<AnalyticsEngineDataset, 'writeDataPoint'>): Log {
  return ({ kind, status, durationMs, trace }) => {
    dataset.writeDataPoint({
      indexes: [kind],
      blobs: [trace.source ?? '', String(trace.store ?? ''), trace.token ?? '', trace.miss ?? ''],
      doubles: [status, durationMs, trace.reads],
    });
  };
}
