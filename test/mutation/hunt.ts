/** Finds the mutants that one file of tests notices. */
import { relative } from 'node:path';
import type { TestModule } from 'vitest/node';
import { ROOT } from '../core/imports.ts';
import type { Instrumented } from './instrument.ts';
import { Session, type Listener } from './session.ts';
import type { Target } from './targets.ts';
import type { Turn } from './work.ts';

/** What one file of tests says of the mutants. All are ids of mutants. */
export interface FileFindings {
  /** Those that its tests run. */
  readonly inTests: readonly string[];
  /** Those that its imports and its `beforeAll` run, before any test. */
  readonly early: readonly string[];
}

/** How much more often than without a mutant a test may run the mutated code before it counts as endless. */
const ENDLESS = 100;

/**
 * Tells the listener of each mutant that the file notices, as soon as it is known.
 * @param wanted ids of the mutants that are tried
 * @throws {Error} if a test fails without a mutant
 */
export async function hunt(
  target: Target,
  test: string,
  { plugin }: Instrumented,
  wanted: ReadonlySet<string>,
  listener: Listener,
): Promise<FileFindings> {
  const session = await Session.open(target, test, plugin, listener);
  try {
    const covered = await session.run({ kind: 'cover' });
    if (!covered.ok()) throw new Error(`These tests fail without a mutant: ${describeFailure(covered)}.`);
    const hits = [...covered.children.allTests()].map((one) => [one.id, one.meta().hits ?? {}] as const);
    const inTests = new Set(hits.flatMap(([, ofTest]) => Object.keys(ofTest)));
    const early = new Set(Object.keys(covered.meta().hits ?? {}));

    const left = new Set([...inTests].filter((id) => wanted.has(id)));
    const doubtful = new Set<string>();
    if (left.size > 0) {
      const turns = hits.map(([id, ofTest]) => [id, turnsOf(ofTest, left)]);
      const tried = await session.run({ kind: 'turns', turns: Object.fromEntries(turns) });
      for (const one of tried.children.allTests()) {
        const { killed = [], isUnreliable = false } = one.meta();
        for (const id of killed) {
          if (isUnreliable) doubtful.add(id);
          else left.delete(id);
        }
      }
    }
    // Each takes a run of its own, in which it is active from the first import on. In a process that the files of a target
    // share nothing is imported again.
    const alone = target.sharesProcess === true ? [] : [...early].filter((id) => wanted.has(id));
    for (const mutant of new Set([...alone, ...doubtful])) {
      if (inTests.has(mutant) && !left.has(mutant)) continue;
      listener.turn(mutant);
      if (!(await session.run({ kind: 'whole', mutant })).ok()) listener.killed([mutant]);
    }
    return { inTests: [...inTests], early: [...early] };
  } finally {
    await session.close();
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
