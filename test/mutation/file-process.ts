/**
 * Each file of tests has a process of its own, because a mutant can stop a worker so that nothing ends it but a signal, and
 * can leave something behind that breaks the tests of other files.
 */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import type { Coverage, Turns } from './hunt.ts';

export interface Order {
  /** Its name. */
  readonly target: string;
  readonly sources: readonly string[];
  /** The file of tests, from the repository's root. */
  readonly test: string;
  readonly task: Task;
}

export type Task =
  | { readonly kind: 'cover' }
  | { readonly kind: 'turns'; readonly turns: Turns }
  /** Each mutant runs alone, active from the first import on. */
  | { readonly kind: 'alone'; readonly mutants: readonly string[] };

export interface Result {
  /** Of the task `cover`. */
  readonly coverage?: Coverage;
  /** Of the task `turns`: the mutants whose verdicts are worth nothing. */
  readonly doubtful?: readonly string[];
}

export type Report =
  | { readonly kind: 'turn'; readonly mutant: string }
  | { readonly kind: 'killed'; readonly mutants: readonly string[] }
  | { readonly kind: 'end'; readonly result: Result }
  | { readonly kind: 'error'; readonly message: string };

export type Ending =
  | { readonly kind: 'end'; readonly result: Result }
  /** It was stopped; `mutant` was active, if any was. */
  | { readonly kind: 'hang'; readonly mutant: string | undefined };

const CHILD = join(import.meta.dirname, 'child.ts');
/** Milliseconds without a report while no mutant is active: a busy machine takes long to start workerd. */
const SILENCE = 300_000;
/** The same while a mutant is active. No turn takes as long. */
const SILENCE_OF_MUTANT = 60_000;

/**
 * @param killed is told of mutants as soon as they are killed
 * @throws {Error} if a test fails without a mutant
 */
export async function runFile(order: Order, killed: (mutants: readonly string[]) => void): Promise<Ending> {
  // A group of its own, so that one signal ends its workers too.
  const child = fork(CHILD, { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const ending = Promise.withResolvers<Ending>();
  let mutant: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(
      () => ending.resolve({ kind: 'hang', mutant }),
      mutant === undefined ? SILENCE : SILENCE_OF_MUTANT,
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
  const stop = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  process.once('exit', stop);
  try {
    wait();
    child.send(order);
    return await ending.promise;
  } finally {
    clearTimeout(timer);
    process.removeListener('exit', stop);
    child.removeAllListeners();
    stop();
  }
}
