/** Finds the mutants that one file of tests notices. */
import { relative } from 'node:path';
import type { TestModule } from 'vitest/node';
import { ROOT } from '../core/imports.ts';
import type { Listener, Session } from './session.ts';
import type { Turn } from './work.ts';

/** What one file of tests says of the mutants. All are ids of mutants. */
export interface FileFindings {
  /** Those that its tests run. */
  readonly inTests: readonly string[];
  /**
   * Those that have to run alone, each active from the first import on: code that runs at import, and mutants of a test
   * that fails afterwards without any.
   */
  readonly forAlone: readonly string[];
}

/** How much more often than without a mutant a test may run the mutated code before it counts as endless. */
const ENDLESS = 100;

/**
 * Repeats each test with each wanted mutant that it runs, and tells the listener which of them it notices.
 * @throws {Error} if a test fails without a mutant
 */
export async function tryInTests(session: Session, wanted: ReadonlySet<string>): Promise<FileFindings> {
  const covered = await session.run({ kind: 'cover' });
  if (!covered.ok()) throw new Error(`These tests fail without a mutant: ${describeFailure(covered)}.`);
  const hits = [...covered.children.allTests()].map((one) => [one.id, one.meta().hits ?? {}] as const);
  const inTests = [...new Set(hits.flatMap(([, ofTest]) => Object.keys(ofTest)))];
  const forAlone = new Set(Object.keys(covered.meta().hits ?? {}));
  if (inTests.some((id) => wanted.has(id))) {
    const turns = hits.map(([id, ofTest]) => [id, turnsOf(ofTest, wanted)]);
    const tried = await session.run({ kind: 'turns', turns: Object.fromEntries(turns) });
    for (const one of tried.children.allTests()) {
      const { killed = [], isUnreliable = false } = one.meta();
      if (isUnreliable) for (const id of killed) forAlone.add(id);
    }
  }
  return { inTests, forAlone: [...forAlone] };
}

/** Runs all tests once for each mutant, and tells the listener which of them they notice. */
export async function tryAlone(
  session: Session,
  mutants: ReadonlySet<string>,
  listener: Listener,
): Promise<void> {
  for (const mutant of mutants) {
    listener.turn(mutant);
    if (!(await session.run({ kind: 'whole', mutant })).ok()) listener.killed([mutant]);
  }
}

function turnsOf(hits: Readonly<Record<string, number>>, wanted: ReadonlySet<string>): Turn[] {
  return Object.entries(hits)
    .filter(([mutant]) => wanted.has(mutant))
    .map(([mutant, count]) => ({ mutant, hitLimit: count * ENDLESS }));
}

function describeFailure(module: TestModule): string {
  const tests = Array.from(module.children.allTests('failed'), (one) => one.fullName);
  const errors = module.errors().map(({ message }) => message);
  return `${relative(ROOT, module.moduleId)}: ${[...tests, ...errors].join(', ')}`;
}
