/**
 * Runs processes one step at a time. Each call of a store or a source and each wait is pending until a decision picks it, so
 * processes interleave at every await. Between two steps, all that follows from the last one has been done.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../mirror-job/engine/runtime.ts';
import type { Decisions } from './decisions.ts';
import { Violation } from './violation.ts';

const BEGIN_MS = Date.parse('2026-01-01T00:00:00.000Z');
const STEP_MS = 1;
/** A simulation takes some hundred steps. More than this means that the engine goes round in circles. */
const MAX_STEPS = 50_000;

/** A process. When it is dead, nothing that it waits for ever comes. */
export class Actor {
  readonly name: string;
  readonly clock: Clock;
  readonly stop = new AbortController();
  state: 'running' | 'ended' | 'dead' = 'running';

  constructor(name: string, scheduler: Scheduler, skewMs: number) {
    this.name = name;
    this.clock = {
      now: () => new Date(scheduler.nowMs + skewMs),
      sleep: (milliseconds, signal) => scheduler.sleep(this, milliseconds, signal),
    };
  }
}

interface Pending {
  readonly actor: Actor;
  readonly label: string;
  /** Whether a store may still do it after the process has died. */
  readonly isWrite: boolean;
  readyMs: number;
  isSlow: boolean;
  readonly begin: () => void;
}

export interface SpawnOptions {
  readonly skewMs: number;
  readonly delayMs: number;
}

export interface CallOptions {
  readonly readyMs?: number;
  readonly isSlow?: boolean;
  readonly isWrite?: boolean;
  /** Once in so many calls, it takes long; left out for never. */
  readonly slowOnceIn?: number | undefined;
}

const SLOW_MS: readonly [number, ...number[]] = [1000, 60_000, 3_600_000];

export class Scheduler {
  nowMs = BEGIN_MS;
  steps = 0;
  readonly decisions: Decisions;
  readonly trace: string[] | undefined;
  /** Once in so many steps, another process has its turn; 1 for any order of all calls. */
  switchOnceIn = 1;
  #pending: (Pending & CallOptions)[] = [];
  readonly #actors: Actor[] = [];
  #last: Actor | undefined;

  constructor(decisions: Decisions, trace?: string[]) {
    this.decisions = decisions;
    this.trace = trace;
  }

  note(line: string): void {
    this.trace?.push(
      `${String(this.steps).padStart(5)} ${line.replaceAll(/(?<=[0-9a-f]{8})[0-9a-f]{24,}/g, '')}`,
    );
  }

  /** Starts a process, at a step after its delay that a decision picks. */
  spawn(name: string, body: (actor: Actor) => Promise<void>, { skewMs, delayMs }: SpawnOptions): Actor {
    const actor = new Actor(name, this, skewMs);
    this.#actors.push(actor);
    const begin = { readyMs: this.nowMs + delayMs, isSlow: delayMs > 0 };
    void this.call(actor, 'starts', async () => {}, begin)
      .then(() => body(actor))
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#end(actor, 'ended'));
    return actor;
  }

  #failure: unknown;

  /** Waits until a decision picks the call, and then makes it. */
  call<Value>(
    actor: Actor,
    label: string,
    make: () => Promise<Value>,
    options: CallOptions = {},
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      const begin = async (): Promise<void> => {
        try {
          const value = await make();
          if (actor.state === 'running') resolve(value);
        } catch (error) {
          if (actor.state === 'running') reject(error);
        }
      };
      this.#add({
        actor,
        label,
        begin: () => void begin(),
        isWrite: false,
        readyMs: this.nowMs,
        isSlow: false,
        ...options,
      });
    });
  }

  /** Lets something happen later that no process waits for, such as a write whose answer nobody gets. */
  later(actor: Actor, label: string, make: () => Promise<unknown>, delayMs: number): void {
    const network = new Actor(`${actor.name} (late)`, this, 0);
    this.#actors.push(network);
    const begin = (): void => {
      const end = (): void => this.#end(network, 'ended');
      make().then(end, end);
    };
    const readyMs = this.nowMs + delayMs;
    this.#pending.push({ actor: network, label, begin, isWrite: false, readyMs, isSlow: true });
  }

  sleep(actor: Actor, milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = (): void => {
        this.#pending = this.#pending.filter((one) => one !== timer);
        reject(signal.reason);
      };
      const timer: Pending = {
        actor,
        label: `has waited ${milliseconds} ms`,
        isWrite: false,
        isSlow: true,
        readyMs: this.nowMs + milliseconds,
        begin: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#add(timer);
    });
  }

  #add(pending: Pending & CallOptions): void {
    if (pending.actor.state === 'running') this.#pending.push(pending);
  }

  /** The process does nothing more. A store may still do what was sent to it, or a part of that. */
  kill(actor: Actor): void {
    if (actor.state !== 'running') return;
    const sent = this.#pending.filter((one) => one.actor === actor && one.isWrite);
    this.#end(actor, 'dead');
    for (const { label, begin } of sent) {
      if (!this.decisions.happens(2)) continue;
      this.later(actor, label, async () => begin(), this.decisions.choose(2) * 1000);
    }
  }

  #end(actor: Actor, state: 'ended' | 'dead'): void {
    if (actor.state === 'running') actor.state = state;
    this.#pending = this.#pending.filter((one) => one.actor !== actor);
  }

  /**
   * Steps until every process has ended or died.
   * @param afterStep is called after each step, when all that follows from it has been done
   * @throws {Violation}, and what a process or `afterStep` throws
   */
  async run(afterStep: () => void): Promise<void> {
    for (;;) {
      await setImmediate();
      if (this.#failure !== undefined) throw this.#failure;
      afterStep();
      if (this.#actors.every(({ state }) => state !== 'running')) return;
      if (this.steps > MAX_STEPS) throw new Violation('it never ends', `${MAX_STEPS} steps were made.`);
      this.#step();
    }
  }

  /** Steps for a caller that makes calls in its own time, until it has ended. */
  async serve(actor: Actor): Promise<void> {
    while (actor.state === 'running') {
      await setImmediate();
      if (this.#pending.length > 0) this.#step();
    }
  }

  #step(): void {
    if (this.#pending.length === 0) {
      const waiting = this.#actors.filter(({ state }) => state === 'running').map(({ name }) => name);
      throw new Violation('it hangs', `${waiting.join(', ')} waits for nothing.`);
    }
    this.steps += 1;
    this.nowMs += STEP_MS;
    const earliest = Math.min(...this.#pending.map(({ readyMs }) => readyMs));
    this.nowMs = Math.max(this.nowMs, earliest);
    const picked = this.#pick(this.#pending.filter(({ readyMs }) => readyMs <= this.nowMs));
    if (picked === undefined) return;
    if (!picked.isSlow && picked.slowOnceIn !== undefined && this.decisions.happens(picked.slowOnceIn)) {
      picked.isSlow = true;
      picked.readyMs = this.nowMs + this.decisions.oneOf(SLOW_MS);
      this.note(`${picked.actor.name}: ${picked.label} is slow`);
      return;
    }
    this.#last = picked.actor;
    this.#pending.splice(this.#pending.indexOf(picked), 1);
    this.note(`${picked.actor.name}: ${picked.label}`);
    picked.begin();
  }

  #pick(ready: readonly (Pending & CallOptions)[]): (Pending & CallOptions) | undefined {
    if (this.switchOnceIn > 1 && !this.decisions.happens(this.switchOnceIn)) {
      const own = ready.filter(({ actor }) => actor === this.#last);
      if (own.length > 0) return own[0];
    }
    return ready[this.decisions.choose(ready.length)];
  }
}
