/** What the main process tells the runner of the tests, and what the runner reports back. */

/** One mutant that a test reaches. */
export interface Turn {
  readonly mutant: string;
  /** If the test runs the mutated code more often than this, it is in an endless loop. */
  readonly hitLimit: number;
}

/** Begins the line that the runner logs before each turn, so that the main process knows which mutant hung. */
export const TURN_MARK = 'mutant ';

export type Work =
  /** Run each test once, without a mutant, and record which mutants it reaches. */
  | { readonly kind: 'cover' }
  /** Run each test once for each of its mutants, by the test's id. */
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
    /** Of a test: how often it ran each mutant's code. Of a file: the same for its imports and its `beforeAll`. */
    hits?: Readonly<Record<string, number>>;
    /** Of a test: which mutants made it fail. */
    killed?: readonly string[];
    /** Of a test: it fails without a mutant, before its turns or after them, so its verdicts are worth nothing. */
    isUnreliable?: boolean;
  }
}
