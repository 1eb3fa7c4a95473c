/**
 * `npm run mutate [-- TARGET… [FILE…]]`: breaks the code in small ways, one at a time, and lists the breaks that no test
 * notices. docs/testing.md explains what it prints.
 */
import { glob } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { ROOT } from '../core/imports.ts';
import type { Coverage, CoveredTest } from './hunt.ts';
import { instrument } from './instrument.ts';
import { formatFindings, type Findings } from './report.ts';
import { TARGETS, type Target } from './targets.ts';
import { TestProcess, type Result, type Task } from './test-process.ts';
import type { Turn } from './work.ts';

/** There is one more process than processors, because hundreds of mutants make a test wait until its time limit. */
const PROCESSES = availableParallelism() + 1;
/** The most times that a test file may hang while no mutant is active. */
const MAX_HANGS = 3;
/** A test is in an endless loop if it runs the mutated code this many times as often as without a mutant. */
const ENDLESS = 100;
/** A test that takes less time counts as one that takes this long. */
const SHORT_MS = 5;
/**
 * Each round tries the tests of a mutant in this range, so that every mutant meets a few tests before any mutant meets
 * all of them.
 */
const ROUNDS = [
  [0, 3],
  [3, 12],
  [12, 40],
  [40, Infinity],
] as const;

// These signals end the process by `exit`, so that the processes of the tests end with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const names = process.argv.slice(2);
const targets = Object.entries(TARGETS);
const chosen = targets.filter(([name]) => names.includes(name));
const files = names.filter((name) => !targets.some(([target]) => target === name));

for (const [name, target] of chosen.length > 0 ? chosen : targets) {
  const all = await listFiles(target.sources);
  const sources = all.filter((source) => files.length === 0 || files.includes(source));
  if (sources.length === 0) continue;
  const { mutants } = await instrument(sources);
  say(`${name}: ${mutants.length} mutants in ${sources.length} files`);
  process.stdout.write(formatFindings(name, mutants, await findAlive(name, target, sources)));
}

async function findAlive(name: string, target: Target, sources: readonly string[]): Promise<Findings> {
  const killed = new Set<string>();
  const processes = Array.from({ length: PROCESSES }, () => new TestProcess({ target: name, sources }));
  const testFiles = await listFiles(target.tests.include ?? [], target.tests.exclude);
  const coverages = new Map<string, Coverage>();
  await share(processes, testFiles, async (tests, file) => {
    const { coverage } = await runToEnd(tests, file, () => ({ kind: 'cover' }), killed);
    if (coverage !== undefined) coverages.set(file, coverage);
  });

  const doubtful = new Map<string, Set<string>>();
  const ranking = rankTests(coverages);
  for (const [round, [from, to]] of ROUNDS.entries()) {
    await share(processes, testFiles, async (tests, file) => {
      const nextTask = (): Task => ({ kind: 'turns', turns: turnsOf(file, ranking, { from, to, killed }) });
      if (Object.keys(turnsOf(file, ranking, { from, to, killed })).length === 0) return;
      const ofFile = await tryTurns(tests, file, nextTask, killed);
      doubtful.set(file, new Set([...(doubtful.get(file) ?? []), ...ofFile]));
    });
    say(`Round ${round + 1} of ${ROUNDS.length}: ${killed.size} mutants killed.`);
  }

  const all = [...coverages.values()];
  const inTests = new Set(ranking.keys());
  const early = new Set(all.flatMap((coverage) => coverage.early));
  // No code is imported again in a process that the test files of a target share, so mutants of such code are not
  // tried.
  const leftOut = new Set([...early].filter((id) => target.sharesProcess === true && !inTests.has(id)));
  await share(processes, testFiles, async (tests, file) => {
    const those = new Set([...(coverages.get(file)?.early ?? []), ...(doubtful.get(file) ?? [])]);
    await tryAllAlone(
      tests,
      file,
      [...those].filter((id) => !leftOut.has(id)),
      killed,
    );
  });
  for (const tests of processes) tests.stop();
  return { killed, reached: new Set([...inTests, ...early]), leftOut };
}

/** Each process takes the next file as soon as it has finished one. */
async function share(
  processes: readonly TestProcess[],
  testFiles: readonly string[],
  work: (tests: TestProcess, file: string) => Promise<void>,
): Promise<void> {
  const remaining = testFiles.values();
  await Promise.all(
    processes.map(async (tests) => {
      for (const file of remaining) await work(tests, file);
    }),
  );
}

/** @returns the mutants whose verdicts are worth nothing, because a test failed without a mutant after them */
async function tryTurns(
  tests: TestProcess,
  file: string,
  nextTask: () => Task,
  killed: Set<string>,
): Promise<readonly string[]> {
  const wasFresh = tests.isFresh;
  const { doubtful = [] } = await runToEnd(tests, file, nextTask, killed);
  if (doubtful.length === 0 || wasFresh) return doubtful;
  // Tests of another file may have changed the state of the process, so a fresh process tries again.
  tests.stop();
  const { doubtful: again = [] } = await runToEnd(tests, file, nextTask, killed);
  return again;
}

/** Tries the mutants that are alive, and goes on in a new process after one that leaves its process unusable. */
async function tryAllAlone(
  tests: TestProcess,
  file: string,
  mutants: readonly string[],
  killed: Set<string>,
): Promise<void> {
  let left = mutants;
  const nextTask = (): Task => {
    left = left.filter((id) => !killed.has(id));
    return { kind: 'alone', mutants: left, isFresh: tests.isFresh };
  };
  while (left.some((id) => !killed.has(id))) {
    const { doubtful: [doubtful] = [] } = await runToEnd(tests, file, nextTask, killed);
    if (doubtful === undefined) return;
    // The mutants before it have passed. In the new process it comes first, so that its verdict counts.
    left = left.slice(left.indexOf(doubtful));
    tests.stop();
  }
}

/** Goes on after a mutant that makes the tests hang; such a mutant counts as killed. */
async function runToEnd(
  tests: TestProcess,
  file: string,
  nextTask: () => Task,
  killed: Set<string>,
): Promise<Result> {
  const [start, before] = [Date.now(), killed.size];
  for (let hangs = 0; hangs < MAX_HANGS;) {
    const task = nextTask();
    const ending = await tests.run({ test: file, task }, (ids) => {
      for (const id of ids) killed.add(id);
    });
    if (ending.kind === 'end') {
      const seconds = Math.round((Date.now() - start) / 1000);
      say(`${file}, ${task.kind}: ${killed.size - before} mutants killed in ${seconds} s.`);
      return ending.result;
    }
    const { mutant } = ending;
    if (mutant === undefined) hangs += 1;
    else killed.add(mutant);
    say(`  ${file} does not end with ${mutant === undefined ? 'no mutant' : `mutant ${mutant}`}.`);
  }
  throw new Error(`The tests of ${file} do not end.`);
}

function cost({ durationMs, hits }: CoveredTest): number {
  return Math.max(durationMs, SHORT_MS) * Object.keys(hits).length;
}

interface RankedTest {
  readonly file: string;
  readonly id: string;
  readonly hits: number;
}

/**
 * A test that is fast and reaches few mutants comes first: it is probably about the code that it reaches.
 * @returns the tests that reach a mutant, by the mutant's id
 */
function rankTests(coverages: ReadonlyMap<string, Coverage>): Map<string, RankedTest[]> {
  const all = [...coverages].flatMap(([file, { tests }]) => tests.map((test) => ({ file, ...test })));
  const ranking = new Map<string, RankedTest[]>();
  for (const { file, id, hits } of all.toSorted((a, b) => cost(a) - cost(b))) {
    for (const [mutant, count] of Object.entries(hits)) {
      const ofMutant = ranking.get(mutant) ?? [];
      ofMutant.push({ file, id, hits: count });
      ranking.set(mutant, ofMutant);
    }
  }
  return ranking;
}

/** @returns the turns of a file's tests in one round, by the test's id */
function turnsOf(
  file: string,
  ranking: ReadonlyMap<string, readonly RankedTest[]>,
  { from, to, killed }: { readonly from: number; readonly to: number; readonly killed: ReadonlySet<string> },
): Record<string, Turn[]> {
  const turns: Record<string, Turn[]> = {};
  for (const [mutant, tests] of ranking) {
    if (killed.has(mutant)) continue;
    for (const test of tests.slice(from, to)) {
      if (test.file !== file) continue;
      (turns[test.id] ??= []).push({ mutant, hitLimit: test.hits * ENDLESS });
    }
  }
  return turns;
}

async function listFiles(patterns: readonly string[], exclude: readonly string[] = []): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob([...patterns], { cwd: ROOT, exclude: [...exclude] })) found.push(file);
  return found.toSorted();
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
