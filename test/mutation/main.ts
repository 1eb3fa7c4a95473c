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
  const early = new Set<string>();
  for (const test of await listFiles(target.tests.include ?? [], target.tests.exclude)) {
    const [start, before] = [Date.now(), killed.size];
    for (let hangs = 0; ;) {
      const wanted = mutants.map(({ id }) => id).filter((id) => !killed.has(id));
      const ending = await runFile({ target: name, sources, test, wanted }, (ids) => {
        for (const id of ids) killed.add(id);
      });
      if (ending.kind === 'end') {
        for (const id of ending.findings.inTests) inTests.add(id);
        for (const id of ending.findings.early) early.add(id);
        break;
      }
      if (ending.mutant === undefined) hangs += 1;
      else killed.add(ending.mutant);
      say(
        `  ${test} does not end with ${ending.mutant === undefined ? 'no mutant' : `mutant ${ending.mutant}`}.`,
      );
      if (hangs === MAX_HANGS) throw new Error(`The tests of ${test} do not end.`);
    }
    say(`${test}: ${killed.size - before} mutants killed in ${Math.round((Date.now() - start) / 1000)} s.`);
  }
  const reached = new Set([...inTests, ...early]);
  const isLeftOut = (id: string): boolean => target.sharesProcess === true && !inTests.has(id);
  return { killed, reached, leftOut: new Set([...early].filter((id) => isLeftOut(id) && !killed.has(id))) };
}

async function listFiles(patterns: readonly string[], exclude: readonly string[] = []): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob([...patterns], { cwd: ROOT, exclude: [...exclude] })) found.push(file);
  return found.toSorted();
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
