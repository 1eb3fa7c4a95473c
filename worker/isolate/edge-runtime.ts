/** The parts of its runtime that the edge needs. Tests pass their own clock, timers and stores. */
import type { BackgroundFailure } from './failure.ts';
import type { Limits } from './limits.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Calls `fire` after `delayMs`, unless the function that it returns is called before. */
export type StartTimer = (delayMs: number, fire: () => void) => () => void;

export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly startTimer: StartTimer;
}

export interface EdgeRuntime extends Clock {
  readonly fetch: Fetch;
  /** The data centre's cache. */
  readonly cache: Pick<Cache, 'match' | 'put' | 'delete'>;
  readonly limits: Limits;
  readonly onBackgroundFailure: (failure: BackgroundFailure) => void;
}

export function startRealTimer(delayMs: number, fire: () => void): () => void {
  const timer = setTimeout(fire, delayMs);
  return () => clearTimeout(timer);
}
