/**
 * `npm run mutate [-- TARGET… [FILE…]]`: breaks the code in small ways, one at a time, and lists the breaks that no test
 * notices. docs/testing.md explains what it prints.
 */
import { glob } from 'node:fs/promises';
import process from 'node:process';
import { ROOT } from '../core/imports.ts';
import { runFile } from './file-process.ts';
import { instrument, type Mutant } from './instrument.ts';
import { formatFindings, type Findings } from './report.ts';
import { TARGETS, type Target } from './targets.ts';

/** How often a file of tests may hang while no mutant is active. */
const MAX_HANGS = 3;

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
  process.stdout.write(formatFindings(name, mutants, await findAlive(name, target, sources, mutants)));
}

async function findAlive(
  name: string,
  target: Target,
  sources: readonly string[],
  mutants: readonly Mutant[],
): Promise<Findings> {
  const killed = new Set<string>();
  const inTests = new Set<string>();
  const forAlone = new Map<string, readonly string[]>();
  /** Goes on after a mutant that makes the tests hang. */
  const run = async (test: string, isAlone: boolean, those: readonly string[]) => {
    const [start, before] = [Date.now(), killed.size];
    for (let hangs = 0; ;) {
      const wanted = those.filter((id) => !killed.has(id));
      const ending = await runFile({ target: name, sources, test, wanted, isAlone }, (ids) => {
        for (const id of ids) killed.add(id);
      });
      if (ending.kind === 'end') {
        const alone = isAlone ? ', alone,' : '';
        say(
          `${test}: ${killed.size - before} mutants killed${alone} in ${Math.round((Date.now() - start) / 1000)} s.`,
        );
        return ending.findings;
      }
      const { mutant } = ending;
      if (mutant === undefined) hangs += 1;
      else killed.add(mutant);
      say(`  ${test} does not end with ${mutant === undefined ? 'no mutant' : `mutant ${mutant}`}.`);
      if (hangs === MAX_HANGS) throw new Error(`The tests of ${test} do not end.`);
    }
  };

  const ids = mutants.map(({ id }) => id);
  for (const test of await listFiles(target.tests.include ?? [], target.tests.exclude)) {
    const findings = await run(test, false, ids);
    for (const id of findings?.inTests ?? []) inTests.add(id);
    forAlone.set(test, findings?.forAlone ?? []);
  }
  // In a process that the files of a target share, nothing is imported again.
  const early = new Set([...forAlone.values()].flat());
  const leftOut = new Set([...early].filter((id) => target.sharesProcess === true && !inTests.has(id)));
  for (const [test, those] of forAlone) {
    const alive = those.filter((id) => !killed.has(id) && !leftOut.has(id));
    if (alive.length > 0) await run(test, true, alive);
  }
  return { killed, reached: new Set([...inTests, ...early]), leftOut };
}

async function listFiles(patterns: readonly string[], exclude: readonly string[] = []): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob([...patterns], { cwd: ROOT, exclude: [...exclude] })) found.push(file);
  return found.toSorted();
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
