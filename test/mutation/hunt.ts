/** Finds the mutants that one test file notices. */
import { relative } from 'node:path';
import type { TestModule } from 'vitest/node';
import { ROOT } from '../core/imports.ts';
import type { Listener, Session } from './session.ts';
import type { Work } from './work.ts';

export type Turns = Extract<Work, { kind: 'turns' }>['turns'];

/** The result of one run of a test file without a mutant. */
export interface Coverage {
  readonly tests: readonly CoveredTest[];
  /** Ids of the mutants that the file's imports and its `beforeAll` run. */
  readonly early: readonly string[];
}

export interface CoveredTest {
  readonly id: string;
  readonly durationMs: number;
  /** How often the test runs each mutant's code, by the mutant's id. */
  readonly hits: Readonly<Record<string, number>>;
}

/** @throws {Error} if a test fails without a mutant */
export async function cover(session: Session, test: string): Promise<Coverage> {
  const covered = await session.run(test, { kind: 'cover' });
  if (!covered.ok()) throw new Error(`These tests fail without a mutant: ${describeFailure(covered)}.`);
  const tests = Array.from(covered.children.allTests(), (one) => ({
    id: one.id,
    durationMs: one.diagnostic()?.duration ?? 0,
    hits: one.meta().hits ?? {},
  }));
  return { tests, early: Object.keys(covered.meta().hits ?? {}) };
}

/**
 * Repeats each test once per mutant that the test reaches. The listener is called for each mutant that a test notices.
 * @returns the mutants of tests that fail afterwards without any mutant, so that their verdicts are worth nothing
 */
export async function tryInTests(session: Session, test: string, turns: Turns): Promise<string[]> {
  const tried = await session.run(test, { kind: 'turns', turns });
  return Array.from(tried.children.allTests()).flatMap((one) => {
    const { killed, isUnreliable = false } = one.meta();
    if (!isUnreliable) return [];
    // A test without a verdict failed before its first mutant.
    return killed ?? (turns[one.id] ?? []).map(({ mutant }) => mutant);
  });
}

/**
 * Runs all tests once for each mutant. The listener hears which of them they notice.
 * @param isFresh whether nothing has run in this process
 * @returns a mutant whose verdict is worth nothing, because the tests fail without a mutant after it. The mutants after
 *   this one were not tried.
 */
export async function tryAlone(
  session: Session,
  test: string,
  { mutants, isFresh }: { readonly mutants: readonly string[]; readonly isFresh: boolean },
  listener: Listener,
): Promise<string | undefined> {
  for (const [index, mutant] of mutants.entries()) {
    listener.turn(mutant);
    if ((await session.run(test, { kind: 'whole', mutant })).ok()) continue;
    const nothingBefore = isFresh && index === 0;
    const isClean = (await session.run(test, { kind: 'whole', mutant: undefined })).ok();
    if (isClean || nothingBefore) listener.killed([mutant]);
    if (!isClean) return mutant;
  }
  return undefined;
}

function describeFailure(module: TestModule): string {
  const tests = Array.from(module.children.allTests('failed'), (one) => one.fullName);
  const errors = module.errors().map(({ message }) => message);
  return `${relative(ROOT, module.moduleId)}: ${[...tests, ...errors].join(', ')}`;
}
