/** Finds the mutants that no test notices. */
import { relative } from 'node:path';
import type { TestModule, TestSpecification } from 'vitest/node';
import { ROOT } from '../core/imports.ts';
import type { Instrumented } from './instrument.ts';
import { Session } from './session.ts';
import type { Target } from './targets.ts';
import type { Turn } from './work.ts';

/** All are ids of mutants. */
export interface Findings {
  readonly killed: ReadonlySet<string>;
  /** Those that some test, or the import of some test, reaches. */
  readonly reached: ReadonlySet<string>;
  /** Those that were not tried, because only an import reaches them. */
  readonly leftOut: ReadonlySet<string>;
}

/** How much more often than without a mutant a test may run the mutated code before it counts as endless. */
const ENDLESS = 100;

/** How often the tests of a file may hang while no mutant is active: what ran before may have spoiled the worker. */
const MAX_HANGS = 3;

interface TestFile {
  readonly specification: TestSpecification;
  readonly name: string;
  readonly milliseconds: number;
  /** By the test's id, how often it runs each mutant's code. */
  readonly tests: ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** Mutants whose code its imports and its `beforeAll` run, before any test. */
  readonly early: ReadonlySet<string>;
}

/**
 * @param say is told of the progress
 * @throws {Error} if a test fails without a mutant
 */
export async function hunt(
  target: Target,
  { mutants, plugin }: Instrumented,
  say: (line: string) => void,
): Promise<Findings> {
  const session = await Session.open(target, plugin);
  try {
    return await new Hunt(session, await cover(session), new Set(mutants.map(({ id }) => id)), say).run(
      target.sharesProcess === true,
    );
  } finally {
    await session.close();
  }
}

class Hunt {
  readonly #session: Session;
  readonly #files: readonly TestFile[];
  readonly #mutants: ReadonlySet<string>;
  readonly #say: (line: string) => void;
  readonly #killed = new Set<string>();
  /** Mutants whose verdict is not trusted, with the tests that gave it. */
  readonly #doubtful = new Map<string, TestSpecification>();

  constructor(
    session: Session,
    files: readonly TestFile[],
    mutants: ReadonlySet<string>,
    say: (line: string) => void,
  ) {
    this.#session = session;
    this.#files = files;
    this.#mutants = mutants;
    this.#say = say;
  }

  async run(isShared: boolean): Promise<Findings> {
    const early = new Set(this.#files.flatMap((file) => [...file.early]));
    const inTests = new Set(this.#files.flatMap(({ tests }) => [...tests.values()].flatMap(Object.keys)));
    const reached = only(this.#mutants, (id) => early.has(id) || inTests.has(id));
    this.#say(`${this.#files.length} files of tests reach ${reached.size} of ${this.#mutants.size} mutants.`);
    for (const file of this.#files) await this.#tryInTests(file);
    const alive = only(reached, (id) => !this.#killed.has(id));
    await this.#tryAlone(isShared ? only(alive, (id) => this.#doubtful.has(id)) : alive);
    return { killed: this.#killed, reached, leftOut: only(alive, (id) => isShared && !inTests.has(id)) };
  }

  async #tryInTests(file: TestFile): Promise<void> {
    const [start, before] = [Date.now(), this.#killed.size];
    const tried = new Set<string>();
    const ended = new Set<string>();
    let hangs = 0;
    for (;;) {
      const left = [...file.tests].filter(([test]) => !ended.has(test));
      const turns = Object.fromEntries(left.map(([test, hits]) => [test, this.#turnsOf(hits)]));
      const mutants = Object.values(turns).flatMap((ofTest) => ofTest.map(({ mutant }) => mutant));
      if (mutants.length === 0) break;
      for (const mutant of mutants) tried.add(mutant);
      const { modules, isStuck, lastMutant } = await this.#session.run({ kind: 'turns', turns }, [
        file.specification,
      ]);
      for (const module of modules) {
        this.#believe(module, file.specification);
        for (const test of module.children.allTests('passed')) ended.add(test.id);
      }
      const isSpoiled = modules.some((module) =>
        [...module.children.allTests()].some((test) => test.meta().isUnreliable === true),
      );
      if (isSpoiled && !isStuck) await this.#session.restart();
      if (!isStuck) break;
      if (lastMutant === undefined) {
        hangs += 1;
        this.#say(`  ${file.name} did not end, although no mutant was active.`);
        if (hangs === MAX_HANGS) throw new Error(`The tests of ${file.name} do not end.`);
      } else {
        this.#say(`  ${file.name} did not end with mutant ${lastMutant}: it counts as killed.`);
        this.#killed.add(lastMutant);
      }
    }
    if (tried.size === 0) return;
    this.#say(
      `${file.name}: ${this.#killed.size - before} of ${tried.size} mutants killed in ${since(start)}.`,
    );
  }

  #turnsOf(hits: Readonly<Record<string, number>>): Turn[] {
    return Object.entries(hits)
      .filter(([mutant]) => this.#isWanted(mutant))
      .map(([mutant, count]) => ({ mutant, hitLimit: count * ENDLESS }));
  }

  #isWanted(mutant: string): boolean {
    return this.#mutants.has(mutant) && !this.#killed.has(mutant);
  }

  #believe(module: TestModule, specification: TestSpecification): void {
    for (const test of module.children.allTests()) {
      const { killed = [], isUnreliable = false } = test.meta();
      if (isUnreliable) this.#say(`  ${test.fullName}: fails without a mutant after its mutants.`);
      for (const id of killed) {
        if (isUnreliable) this.#doubtful.set(id, specification);
        else this.#killed.add(id);
      }
    }
  }

  /** Each mutant takes a run of its own, in which it is active from the first import on. */
  async #tryAlone(mutants: ReadonlySet<string>): Promise<void> {
    const start = Date.now();
    let count = 0;
    for (const mutant of mutants) {
      const specifications = this.#files
        .filter(
          ({ early, specification }) => early.has(mutant) || this.#doubtful.get(mutant) === specification,
        )
        .map(({ specification }) => specification);
      if (specifications.length > 0) count += 1;
      for (const specification of specifications) {
        const { modules, isStuck } = await this.#session.run({ kind: 'whole', mutant }, [specification]);
        if (!isStuck && modules.every((module) => module.ok())) continue;
        this.#killed.add(mutant);
        break;
      }
    }
    this.#say(`${count} mutants ran alone, in ${since(start)}.`);
  }
}

async function cover(session: Session): Promise<TestFile[]> {
  const { modules, isStuck } = await session.run({ kind: 'cover' });
  const failed = modules.filter((module) => !module.ok());
  if (isStuck || modules.length < session.files.length || failed.length > 0) {
    throw new Error(
      `These tests fail without a mutant: ${failed.map(describeFailure).join('; ') || 'they did not end'}.`,
    );
  }
  const files = session.files.map((specification) => {
    const module = modules.find(({ moduleId }) => moduleId === specification.moduleId);
    const tests = [...(module?.children.allTests() ?? [])];
    return {
      specification,
      name: relative(ROOT, specification.moduleId),
      milliseconds: module?.diagnostic().duration ?? 0,
      tests: new Map(tests.map((test) => [test.id, test.meta().hits ?? {}])),
      early: new Set(Object.keys(module?.meta().hits ?? {})),
    };
  });
  // What a fast test kills, a slow one need not be run for.
  return files.toSorted((one, other) => one.milliseconds - other.milliseconds);
}

function describeFailure(module: TestModule): string {
  const tests = Array.from(module.children.allTests('failed'), (test) => test.fullName);
  const errors = module.errors().map(({ message }) => message);
  return `${relative(ROOT, module.moduleId)}: ${[...tests, ...errors].join(', ')}`;
}

function only(ids: ReadonlySet<string>, isWanted: (id: string) => boolean): Set<string> {
  return new Set([...ids].filter(isWanted));
}

function since(start: number): string {
  return `${Math.round((Date.now() - start) / 1000)} s`;
}
