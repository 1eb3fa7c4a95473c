/**
 * Runs the tests in a process of their own, because a mutant can stop a worker so that only a signal ends it. The next
 * task then gets a new process.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import type { Coverage, Turns } from './hunt.ts';

/** The first message to a process. */
export interface Setting {
  /** The target's name. */
  readonly target: string;
  /** The files with mutants, as paths from the repository's root. */
  readonly sources: readonly string[];
}

/** The content of every message but the first. */
export interface Order {
  /** The test file, as a path from the repository's root. */
  readonly test: string;
  readonly task: Task;
}

export type Task =
  | { readonly kind: 'cover' }
  | { readonly kind: 'turns'; readonly turns: Turns }
  /** Each mutant runs alone, active from the first import on. `isFresh`: nothing has run in this process. */
  | { readonly kind: 'alone'; readonly mutants: readonly string[]; readonly isFresh: boolean };

export interface Result {
  /** The result of the task `cover`. */
  readonly coverage?: Coverage;
  /**
   * The mutants whose verdicts are worth nothing. The task `alone` has one at most, and ends with it, because the process is
   * of no use any more.
   */
  readonly doubtful?: readonly string[];
}

export type Report =
  | { readonly kind: 'turn'; readonly mutant: string }
  | { readonly kind: 'killed'; readonly mutants: readonly string[] }
  | { readonly kind: 'end'; readonly result: Result }
  | { readonly kind: 'error'; readonly message: string };

export type Ending =
  | { readonly kind: 'end'; readonly result: Result }
  /** The process was stopped while `mutant` was active; undefined if none was. */
  | { readonly kind: 'hang'; readonly mutant: string | undefined };

const CHILD = join(import.meta.dirname, 'child.ts');
/** The longest time without a report while no mutant is active. A busy machine takes long to start workerd. */
const SILENCE_MS = 300_000;
/** The longest time without a report while a mutant is active. No turn takes as long. */
const SILENCE_OF_MUTANT_MS = 60_000;

export class TestProcess {
  readonly #setting: Setting;
  #child: ChildProcess | undefined;

  constructor(setting: Setting) {
    this.#setting = setting;
    process.once('exit', () => this.stop());
  }

  /** Whether the next task starts a new process. */
  get isFresh(): boolean {
    return this.#child === undefined;
  }

  /**
   * @param killed is called with mutants as soon as they are killed
   * @throws {Error} if a test fails without a mutant
   */
  async run(order: Order, killed: (mutants: readonly string[]) => void): Promise<Ending> {
    const child = this.#start();
    const ending = Promise.withResolvers<Ending>();
    let mutant: string | undefined;
    let timer: NodeJS.Timeout | undefined;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(
        () => ending.resolve({ kind: 'hang', mutant }),
        mutant === undefined ? SILENCE_MS : SILENCE_OF_MUTANT_MS,
      );
    };
    child.on('message', (report: Report) => {
      if (report.kind === 'turn') mutant = report.mutant;
      else if (report.kind === 'killed') killed(report.mutants);
      else if (report.kind === 'end') ending.resolve(report);
      else ending.reject(new Error(report.message));
      wait();
    });
    child.once('exit', (code, signal) =>
      ending.reject(new Error(`${order.test} ended with ${code ?? signal}.`)),
    );
    try {
      wait();
      child.send(order);
      const ended = await ending.promise;
      if (ended.kind === 'hang') this.stop();
      return ended;
    } finally {
      clearTimeout(timer);
      child.removeAllListeners();
    }
  }

  stop(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.removeAllListeners();
    if (child?.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }

  #start(): ChildProcess {
    if (this.#child !== undefined) return this.#child;
    // The child gets a process group of its own, so that one signal ends its workers too.
    const child = fork(CHILD, { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    child.send(this.#setting);
    this.#child = child;
    return child;
  }
}
