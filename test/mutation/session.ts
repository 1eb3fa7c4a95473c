/** One Vitest for all runs, whose sources hold the mutants. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createVitest, type TestModule, type TestSpecification, type Vitest } from 'vitest/node';
import { ROOT } from '../core/imports.ts';
import type { Instrumented } from './instrument.ts';
import type { Target } from './targets.ts';
import { TURN_MARK, type Work } from './work.ts';

/** Milliseconds. A mutant that makes a test wait for ever costs this once. */
const TEST_TIMEOUT = 20_000;
/** Milliseconds without the end of a test, while no mutant is active: a busy machine takes long to start workerd. */
const SILENCE = 120_000;
/** The same while a mutant is active, which can stop workerd's timers. */
const SILENCE_OF_MUTANT = 60_000;

/** What a run left behind. */
export interface Outcome {
  readonly modules: readonly TestModule[];
  /** Whether it had to be stopped, so that some tests have no result. */
  readonly isStuck: boolean;
  /** The mutant that was active at the end. */
  readonly lastMutant: string | undefined;
}

/** What has come from the tests. */
interface Heard {
  /** When it came last, in milliseconds since 1970. */
  at: number;
  mutant: string | undefined;
}

class GivenOrder {
  shard(files: TestSpecification[]): TestSpecification[] {
    return files;
  }

  sort(files: TestSpecification[]): TestSpecification[] {
    return files;
  }
}

/** Milliseconds in which a Vitest that hangs may end. */
const END = 10_000;

export class Session {
  readonly #start: () => Promise<Vitest>;
  readonly #heard: Heard;
  #vitest: Vitest;
  #files: readonly TestSpecification[];

  private constructor(
    start: () => Promise<Vitest>,
    heard: Heard,
    vitest: Vitest,
    files: readonly TestSpecification[],
  ) {
    this.#start = start;
    this.#heard = heard;
    this.#vitest = vitest;
    this.#files = files;
  }

  get files(): readonly TestSpecification[] {
    return this.#files;
  }

  static async open(target: Target, plugin: Instrumented['plugin']): Promise<Session> {
    const heard: Heard = { at: Date.now(), mutant: undefined };
    const start = () =>
      createVitest(
        {
          ...target.tests,
          root: ROOT,
          config: false,
          watch: false,
          runner: 'test/mutation/runner.ts',
          testTimeout: TEST_TIMEOUT,
          reporters: [
            {
              onTestCaseResult: () => void (heard.at = Date.now()),
              onUserConsoleLog: ({ content }) => {
                const mutant = lastTurn(content);
                if (mutant !== undefined) Object.assign(heard, { at: Date.now(), mutant });
              },
            },
          ],
          dangerouslyIgnoreUnhandledErrors: true,
          // It would keep other mutants' sources, and sources without any.
          fsModuleCache: false,
          // Files run one after the other, in the order in which they are given.
          fileParallelism: false,
          isolate: target.sharesProcess !== true,
          sequence: { sequencer: GivenOrder },
        },
        { plugins: [plugin, ...target.plugins] },
      );
    const vitest = await start();
    return new Session(start, heard, vitest, await vitest.globTestSpecifications());
  }

  /** @param files a selection of the files of this run */
  async run(work: Work, files = this.#files): Promise<Outcome> {
    // They may be those of a Vitest that has ended since.
    const ids = new Set(files.map(({ moduleId }) => moduleId));
    this.#vitest.provide('mutation', work);
    Object.assign(this.#heard, { at: Date.now(), mutant: undefined });
    const run = this.#vitest.runTestSpecifications(this.#files.filter(({ moduleId }) => ids.has(moduleId)));
    const silence = Promise.withResolvers<undefined>();
    const watch = setInterval(() => {
      const limit = this.#heard.mutant === undefined ? SILENCE : SILENCE_OF_MUTANT;
      if (Date.now() - this.#heard.at > limit) silence.resolve(undefined);
    }, 1000);
    try {
      const isStuck = (await Promise.race([run, silence.promise])) === undefined;
      // Vitest would also give those of earlier runs.
      const modules = this.#vitest.state.getTestModules().filter(({ moduleId }) => ids.has(moduleId));
      if (isStuck) {
        run.catch(() => undefined);
        await this.restart();
      }
      return { modules, isStuck, lastMutant: this.#heard.mutant };
    } finally {
      clearInterval(watch);
    }
  }

  async close(): Promise<void> {
    await this.#vitest.close();
  }

  /**
   * Goes on with another Vitest, because mutants have left something behind in the worker. A worker that hangs may hear
   * nothing: then it stays until this process ends.
   */
  async restart(): Promise<void> {
    const end = async () => {
      await this.#vitest.cancelCurrentRun('test-failure');
      await this.#vitest.close();
    };
    await Promise.race([end().catch(() => undefined), sleep(END)]);
    this.#vitest = await this.#start();
    this.#files = await this.#vitest.globTestSpecifications();
  }
}

function lastTurn(text: string): string | undefined {
  const line = text.split('\n').findLast((one) => one.startsWith(TURN_MARK));
  return line?.slice(TURN_MARK.length);
}
