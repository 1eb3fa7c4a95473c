/** Defines the work that the main process gives to the runner of the tests, and the runner's reports. */

/** One mutant that a test reaches. */
export interface Turn {
  readonly mutant: string;
  /** The test is in an endless loop if it runs the mutated code more often than this. */
  readonly hitLimit: number;
}

/**
 * The line that the runner logs before each turn begins with this mark. The main process reads from it which mutant
 * hangs.
 */
export const TURN_MARK = 'mutant ';

export type Work =
  /** Runs each test once, without a mutant, and records which mutants it reaches. */
  | { readonly kind: 'cover' }
  /** Runs each test once per mutant of that test. The turns are listed by the test's id. */
  | { readonly kind: 'turns'; readonly turns: Readonly<Record<string, readonly Turn[]>> }
  /**
   * Run everything with one mutant that is active before the first import, or with none, and stop at the first failure.
   */
  | { readonly kind: 'whole'; readonly mutant: string | undefined };

declare module 'vitest' {
  interface ProvidedContext {
    mutation: Work;
  }
  interface TaskMeta {
    /** For a test: how often it ran each mutant's code. For a file: the same for its imports and its `beforeAll`. */
    hits?: Readonly<Record<string, number>>;
    /** For a test: the mutants that made it fail. */
    killed?: readonly string[];
    /** For a test: it fails without a mutant, before its turns or after them, so its verdicts are worth nothing. */
    isUnreliable?: boolean;
  }
}
