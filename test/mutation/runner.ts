/**
 * Extends Vitest's runner, so that it repeats each test once per mutant that the test reaches. A mutant is switched on
 * by a variable that the instrumented code reads. So nothing is started or imported again, and a turn takes as long as
 * the test. The runner works in Node and in workerd.
 */
import {
  TestRunner,
  inject,
  type RunnerTestCase,
  type RunnerTestFile,
  type RunnerTestSuite,
  type TestTryOptions,
} from 'vitest';
import { TURN_MARK, type Turn } from './work.ts';

/** The variables that Stryker's instrumented code reads and writes. */
interface Stryker {
  activeMutant?: string | undefined;
  /** The test whose hits are counted; undefined outside of a test. */
  currentTestId?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
  mutantCoverage?: { static: Record<string, number>; perTest: Record<string, Record<string, number>> };
}

/**
 * A turn should take as long as the test without a mutant. A turn that takes this many times as long counts as endless.
 */
const ENDLESS = 5;
/** This time is added, because a busy machine delays a short test more than a long one. */
const DELAY_MS = 2000;

/** The timers are saved, because some tests replace those of the global object, and then a turn would never end. */
const { setTimeout, clearTimeout } = globalThis;
const now = performance.now.bind(performance);

/** This module is imported before any of the code that is instrumented. */
const stryker: Stryker = {};
Object.assign(globalThis, { __stryker__: stryker });

export default class MutantRunner extends TestRunner {
  readonly #work = inject('mutation');
  readonly #killed = new Set<string>();
  #turns: readonly Turn[] = [];
  /** The time that a turn of this test may take; undefined until the test has run without a mutant. */
  #limitMs: number | undefined;
  #hasFailed = false;

  constructor(config: ConstructorParameters<typeof TestRunner>[0]) {
    super(config);
    stryker.activeMutant = this.#work.kind === 'whole' ? this.#work.mutant : undefined;
    stryker.hitCount = undefined;
    stryker.currentTestId = undefined;
    stryker.mutantCoverage = { static: {}, perTest: {} };
  }

  override async onBeforeRunTask(test: RunnerTestCase): Promise<void> {
    this.#limitMs = undefined;
    if (this.#work.kind === 'turns') {
      const turns = this.#work.turns[test.id] ?? [];
      this.#turns = turns.filter(({ mutant }) => !this.#killed.has(mutant));
      if (this.#turns.length === 0) test.mode = 'skip';
      // The test runs once without a mutant before the turns, and once after them.
      else test.repeats = this.#turns.length + 1;
    } else if (this.#hasFailed) test.mode = 'skip';
    await super.onBeforeRunTask(test);
  }

  override onBeforeTryTask(test: RunnerTestCase, options: TestTryOptions): void {
    super.onBeforeTryTask(test, options);
    if (this.#work.kind === 'cover') stryker.currentTestId = test.id;
    if (this.#work.kind !== 'turns') return;
    const turn = this.#turnOf(options);
    stryker.activeMutant = turn?.mutant;
    stryker.hitCount = 0;
    stryker.hitLimit = turn?.hitLimit;
    if (turn !== undefined) console.log(`${TURN_MARK}${turn.mutant}`);
  }

  /**
   * Runs a test within its own time limit. Vitest's limit is the same for all tests, and hundreds of mutants make a
   * test wait for ever.
   */
  async runTask(test: RunnerTestCase): Promise<void> {
    const run = TestRunner.getTestFn(test);
    if (stryker.activeMutant === undefined || this.#limitMs === undefined) {
      const start = now();
      try {
        await run();
      } finally {
        this.#limitMs ??= DELAY_MS + ENDLESS * (now() - start);
      }
      return;
    }
    // The test fails without a mutant too, so no turn can say anything.
    if (test.meta.isUnreliable === true) return;
    const end = Promise.withResolvers<never>();
    const timer = setTimeout(() => end.reject(new Error('The mutant makes the test wait.')), this.#limitMs);
    try {
      await Promise.race([run(), end.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  override async onAfterRetryTask(test: RunnerTestCase, options: TestTryOptions): Promise<void> {
    await super.onAfterRetryTask(test, options);
    const { result } = test;
    const isFailed = result?.state === 'fail';
    this.#hasFailed ||= isFailed && this.#work.kind === 'whole';
    if (this.#work.kind === 'cover') {
      stryker.currentTestId = undefined;
      test.meta.hits = stryker.mutantCoverage?.perTest[test.id] ?? {};
    }
    if (this.#work.kind !== 'turns') return;
    const turn = this.#turnOf(options);
    stryker.activeMutant = undefined;
    if (result !== undefined) {
      // The next turn begins anew. Errors that stay here would also be sent to the main process.
      result.state = 'pass';
      delete result.errors;
    }
    if (!isFailed) return;
    if (turn === undefined) {
      // An earlier test or mutant has changed the state of this process.
      test.meta.isUnreliable = true;
      // The mutants stay open, because another test may give a verdict that can be trusted.
      for (const id of test.meta.killed ?? []) this.#killed.delete(id);
    } else {
      this.#killed.add(turn.mutant);
      test.meta.killed = [...(test.meta.killed ?? []), turn.mutant];
    }
  }

  override async onAfterRunSuite(suite: RunnerTestSuite | RunnerTestFile): Promise<void> {
    await super.onAfterRunSuite(suite);
    if (this.#work.kind === 'cover' && 'filepath' in suite)
      suite.meta.hits = stryker.mutantCoverage?.static ?? {};
  }

  #turnOf({ repeats }: TestTryOptions): Turn | undefined {
    return this.#turns[repeats - 1];
  }
}
