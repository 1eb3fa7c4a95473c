/** One line of JSON a request, without queries: a signed URL or a token must not end up in a log. */
import type { Trace } from './scope.ts';

export interface Event {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly trace: Trace;
}

export type Log = (event: Event) => void;

export function logToConsole({ method, path, status, milliseconds, trace }: Event): void {
  const { failures, ...rest } = trace;
  const line = JSON.stringify({
    method,
    path: path.slice(0, 512),
    status,
    ms: milliseconds,
    ...rest,
    ...(failures.length > 0 && { failures }),
  });
  if (failures.some((failure) => failure.startsWith('CORRUPT'))) console.error(line);
  else if (failures.length > 0) console.warn(line);
  else console.log(line);
}
