/** Runs one Vitest for all runs of a target's tests. The sources that it loads contain the mutants. */
import { createVitest, type TestModule, type TestSpecification, type Vitest } from 'vitest/node';
import { ROOT } from '../core/imports.ts';
import { join } from 'node:path';
import type { Instrumented } from './instrument.ts';
import type { Target } from './targets.ts';
import { TURN_MARK, type Work } from './work.ts';

/** A mutant that makes a test wait for ever costs this time once. */
const TEST_TIMEOUT_MS = 20_000;

/** The events of a run. */
export interface Listener {
  /** A turn of this mutant begins. */
  readonly turn: (mutant: string) => void;
  /** A test has ended that fails with each of these mutants, and does not fail without one. */
  readonly killed: (mutants: readonly string[]) => void;
}

export class Session {
  readonly #vitest: Vitest;
  #specifications: TestSpecification[] | undefined;

  private constructor(vitest: Vitest) {
    this.#vitest = vitest;
  }

  static async open(target: Target, plugin: Instrumented['plugin'], listener: Listener): Promise<Session> {
    const vitest = await createVitest(
      {
        ...target.tests,
        root: ROOT,
        config: false,
        watch: false,
        runner: 'test/mutation/runner.ts',
        testTimeout: TEST_TIMEOUT_MS,
        reporters: [
          {
            onTestCaseResult: (one) => {
              const { killed = [], isUnreliable = false } = one.meta();
              if (!isUnreliable && killed.length > 0) listener.killed(killed);
            },
            onUserConsoleLog: ({ content }) => {
              const mutant = lastTurn(content);
              if (mutant !== undefined) listener.turn(mutant);
            },
          },
        ],
        dangerouslyIgnoreUnhandledErrors: true,
        // The cache would mix sources with other mutants, and sources without any.
        fsModuleCache: false,
        isolate: target.sharesProcess !== true,
      },
      { plugins: [plugin, ...target.plugins] },
    );
    return new Session(vitest);
  }

  /**
   * @param test the test file, as a path from the repository's root
   * @throws {Error} if there is no such file
   */
  async run(test: string, work: Work): Promise<TestModule> {
    this.#vitest.provide('mutation', work);
    this.#specifications ??= await this.#vitest.globTestSpecifications();
    const path = join(ROOT, test);
    await this.#vitest.runTestSpecifications(
      this.#specifications.filter(({ moduleId }) => moduleId === path),
    );
    // The state also has the modules of earlier runs, so the right one is picked.
    const module = this.#vitest.state.getTestModules().find(({ moduleId }) => moduleId === path);
    if (module === undefined) throw new Error(`There are no tests in ${test}.`);
    return module;
  }
}

function lastTurn(text: string): string | undefined {
  const line = text.split('\n').findLast((one) => one.startsWith(TURN_MARK));
  return line?.slice(TURN_MARK.length);
}
