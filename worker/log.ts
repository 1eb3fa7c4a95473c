/** One line of JSON a request, without queries: a signed URL or a token must not end up in a log. */
import type { EdgeRequest } from './request.ts';
import type { Trace } from './scope.ts';

export interface Event {
  readonly kind: EdgeRequest['kind'];
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly trace: Trace;
}

export type Log = (event: Event) => void;

/** Wrong bytes and mistakes of ours are errors, other failures warnings, whatever the client was answered. */
export function logToConsole({ kind, method, path, status, milliseconds, trace }: Event): void {
  const { failures, storeMilliseconds, ...rest } = trace;
  const line = JSON.stringify({
    kind,
    method,
    path: path.slice(0, 512),
    status,
    ms: milliseconds,
    storeMs: storeMilliseconds,
    ...rest,
    ...(failures.length > 0 && { failures }),
  });
  if (failures.some((failure) => /^(?:CORRUPT|FAULT)/.test(failure))) console.error(line);
  else if (failures.length > 0) console.warn(line);
  else console.log(line);
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
