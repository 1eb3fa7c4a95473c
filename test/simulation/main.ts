/** `npm run simulate`: many simulations, one seed after the other. */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { Decisions } from './decisions.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulation.ts';
import { makeCryptoSynchronous } from './synchronous-crypto.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

makeCryptoSynchronous();
const first = Number(values.from);
const count = Number(values.seeds);
const begunMs = performance.now();
let steps = 0;
let failed: number | undefined;
for (let seed = first; seed < first + count && failed === undefined; seed += 1) {
  const outcome = await simulate(Decisions.seeded(seed));
  steps += outcome.steps;
  if (outcome.violation !== undefined) failed = seed;
}
const seconds = (performance.now() - begunMs) / 1000;
const done = failed === undefined ? count : failed - first + 1;
process.stderr.write(`${done} seeds, ${steps} steps, ${seconds.toFixed(1)} s, ${(done / seconds).toFixed(0)} seeds/s\n`);
if (failed !== undefined) {
  const trace: string[] = [];
  const outcome = await simulate(Decisions.seeded(failed), trace);
  process.stdout.write(`seed ${failed}: ${outcome.violation?.message}\n`);
  if (values.trace) process.stdout.write(`${trace.join('\n')}\n`);
  if (!values['no-shrink']) {
    const small = await shrink(outcome);
    process.stdout.write(`shrunk:\n${small.trace.join('\n')}\n`);
  }
  process.exitCode = 3;
}
