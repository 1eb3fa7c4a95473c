/**
 * `npm run mutate [-- TARGET… [FILE…]]`: breaks the code in small ways, one at a time, and lists the breaks that no test
 * notices. docs/testing.md explains what it prints.
 */
import { glob } from 'node:fs/promises';
import process from 'node:process';
import { ROOT } from '../core/imports.ts';
import { runFile, type Order, type Result, type Task } from './file-process.ts';
import type { Coverage, CoveredTest } from './hunt.ts';
import { instrument } from './instrument.ts';
import { formatFindings, type Findings } from './report.ts';
import { TARGETS, type Target } from './targets.ts';
import type { Turn } from './work.ts';

/** How often a file of tests may hang while no mutant is active. */
const MAX_HANGS = 3;
/** How much more often than without a mutant a test may run the mutated code before it counts as endless. */
const ENDLESS = 100;
/** The tests are tried in groups of about the same duration. Each number ends one. */
const DURATIONS_MS = [25, 100, 400, 1600, Infinity];

// The processes of the tests end with this one.
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
  const run = (test: string, nextTask: () => Task) =>
    runToEnd({ target: name, sources, test }, nextTask, killed);

  const coverages = new Map<string, Coverage>();
  for (const test of await listFiles(target.tests.include ?? [], target.tests.exclude)) {
    const { coverage } = await run(test, () => ({ kind: 'cover' }));
    if (coverage !== undefined) coverages.set(test, coverage);
  }

  const doubtful = new Map<string, Set<string>>();
  for (const [test, tests] of fastFirst(coverages)) {
    const nextTask = (): Task => ({ kind: 'turns', turns: turnsOf(tests, killed) });
    if (Object.keys(turnsOf(tests, killed)).length === 0) continue;
    const result = await run(test, nextTask);
    doubtful.set(test, new Set([...(doubtful.get(test) ?? []), ...(result.doubtful ?? [])]));
  }

  const all = [...coverages.values()];
  const inTests = new Set(all.flatMap(({ tests }) => tests.flatMap(({ hits }) => Object.keys(hits))));
  const early = new Set(all.flatMap((coverage) => coverage.early));
  // In a process that the files of a target share, nothing is imported again.
  const leftOut = new Set([...early].filter((id) => target.sharesProcess === true && !inTests.has(id)));
  for (const [test, coverage] of coverages) {
    const those = new Set([...coverage.early, ...(doubtful.get(test) ?? [])]);
    const alive = () => [...those].filter((id) => !killed.has(id) && !leftOut.has(id));
    if (alive().length > 0) await run(test, () => ({ kind: 'alone', mutants: alive() }));
  }
  return { killed, reached: new Set([...inTests, ...early]), leftOut };
}

/** Goes on after a mutant that makes the tests hang; such a mutant counts as killed. */
async function runToEnd(
  order: Omit<Order, 'task'>,
  nextTask: () => Task,
  killed: Set<string>,
): Promise<Result> {
  const [start, before] = [Date.now(), killed.size];
  for (let hangs = 0; hangs < MAX_HANGS;) {
    const task = nextTask();
    const ending = await runFile({ ...order, task }, (ids) => {
      for (const id of ids) killed.add(id);
    });
    if (ending.kind === 'end') {
      const seconds = Math.round((Date.now() - start) / 1000);
      say(`${order.test}, ${task.kind}: ${killed.size - before} mutants killed in ${seconds} s.`);
      return ending.result;
    }
    const { mutant } = ending;
    if (mutant === undefined) hangs += 1;
    else killed.add(mutant);
    say(`  ${order.test} does not end with ${mutant === undefined ? 'no mutant' : `mutant ${mutant}`}.`);
  }
  throw new Error(`The tests of ${order.test} do not end.`);
}

/**
 * All fast tests come before all slow ones, because a mutant that a fast one kills needs no turn in a slow one.
 * @returns files of tests, each with those of its tests that are about equally fast
 */
function fastFirst(coverages: ReadonlyMap<string, Coverage>): [string, readonly CoveredTest[]][] {
  return DURATIONS_MS.flatMap((maxMs, index) => {
    const minMs = DURATIONS_MS[index - 1] ?? -1;
    const groups = [...coverages].map(([file, { tests }]): [string, readonly CoveredTest[]] => [
      file,
      tests.filter(({ durationMs }) => durationMs > minMs && durationMs <= maxMs),
    ]);
    return groups.filter(([, tests]) => tests.length > 0);
  });
}

/** @returns the turns of each test that reaches a mutant which is not killed yet, by the test's id */
function turnsOf(tests: readonly CoveredTest[], killed: ReadonlySet<string>): Record<string, Turn[]> {
  const turns = tests.map(({ id, hits }): [string, Turn[]] => [
    id,
    Object.entries(hits)
      .filter(([mutant]) => !killed.has(mutant))
      .map(([mutant, count]) => ({ mutant, hitLimit: count * ENDLESS })),
  ]);
  return Object.fromEntries(turns.filter(([, ofTest]) => ofTest.length > 0));
}

async function listFiles(patterns: readonly string[], exclude: readonly string[] = []): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob([...patterns], { cwd: ROOT, exclude: [...exclude] })) found.push(file);
  return found.toSorted();
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
