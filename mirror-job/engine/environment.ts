/** What the engine is given: the runtime, and the state of one run. A function that needs one of them alone takes that one. */
import type { Runtime } from './runtime.ts';
import type { RunState } from './run-state.ts';

export interface Environment extends Runtime, RunState {}
