/** Creates the engine's environment under Node. */
import type { Environment } from '../engine/environment.ts';
import { nameRun } from '../engine/run/run-name.ts';
import { createRunState } from '../engine/run-state.ts';
import { DEFAULT_LIMITS, type Runtime } from '../engine/runtime.ts';
import { systemClock } from '../runtime/node/clock.ts';
import { createHash } from '../runtime/node/hash.ts';

/** @param maxRunMs how long the run may take; left out for work that copies nothing from upstreams */
export function createEnvironment(
  { store, log, signal }: Pick<Environment, 'store' | 'log' | 'signal'>,
  maxRunMs = DEFAULT_LIMITS.maxRunMs,
): Environment {
  const runtime: Runtime = {
    clock: systemClock,
    log,
    createHash,
    limits: { ...DEFAULT_LIMITS, maxRunMs },
  };
  const run = nameRun(systemClock.now());
  return { ...runtime, ...createRunState({ store, run, signal }, runtime.limits) };
}
