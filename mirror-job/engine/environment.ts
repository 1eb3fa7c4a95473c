/** The engine's environment: the runtime, and the state of one run. A function that needs only one of them takes that. */
import type { Runtime } from './runtime.ts';
import type { RunState } from './run-state.ts';

export interface Environment extends Runtime, RunState {}
