/**
 * `npm run mutate [-- TARGET… [FILE…]]`: breaks the code in small ways, one at a time, and lists the breaks that no test
 * notices. docs/testing.md explains what it prints.
 */
import { glob } from 'node:fs/promises';
import process from 'node:process';
import { ROOT } from '../core/imports.ts';
import { hunt } from './hunt.ts';
import { instrument } from './instrument.ts';
import { formatFindings } from './report.ts';
import { TARGETS, type Target } from './targets.ts';

const names = process.argv.slice(2);
const targets = Object.entries<Target>(TARGETS);
const chosen = targets.filter(([name]) => names.includes(name));
const files = names.filter((name) => !targets.some(([target]) => target === name));

for (const [name, target] of chosen.length > 0 ? chosen : targets) {
  const sources: string[] = [];
  for await (const source of glob([...target.sources], { cwd: ROOT })) {
    if (files.length === 0 || files.includes(source)) sources.push(source);
  }
  if (sources.length === 0) continue;
  const instrumented = await instrument(sources.toSorted());
  process.stderr.write(`${name}: ${instrumented.mutants.length} mutants in ${sources.length} files\n`);
  const findings = await hunt(target, instrumented, (line) => process.stderr.write(`${line}\n`));
  process.stdout.write(formatFindings(name, instrumented.mutants, findings));
}
// Workers that a mutant has stopped may be left.
process.exit();
