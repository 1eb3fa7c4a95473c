/** What the engine is given: the runtime, and the state of one run. A function that needs one of them alone takes that one. */
import type { Runtime } from './runtime.ts';
import type { RunState } from './run-state.ts';

export type { Clock, Hasher, Limits, Log } from './runtime.ts';
export { DEFAULT_LIMITS } from './runtime.ts';
export { MEMORY_BUDGET } from './run-state.ts';

export interface Environment extends Runtime, RunState {}
