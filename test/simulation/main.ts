/**
 * `npm run simulate`: simulations, one seed after the other, until one breaks a promise. That one is shrunk, and its trace printed.
 * The exit code is 3 then, 0 if none fails, and 2 for options that cannot be used.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { plant } from './bugs.ts';
import { Decisions } from './decisions.ts';
import { makeCryptoSynchronous } from './synchronous-crypto.ts';

const USAGE = `usage: npm run simulate -- [options]

  --seeds N      how many seeds (1000)
  --from N       the first seed (1)
  --bug NAME     breaks the engine first, by one of the bugs in test/simulation/bugs.ts
  --strict       checks also what later stores are known to break (docs/decisions/0181)
  --trace        prints the trace of each seed, also of one that fails nothing
  --no-shrink    prints the trace of the seed as it is
  --json         prints the failure as JSON
`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    bug: { type: 'string' },
    strict: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

function refuse(message: string): never {
  process.stderr.write(`${message}\n\n${USAGE}`);
  process.exit(2);
}

function numberOf(name: 'seeds' | 'from'): number {
  if (!/^\d{1,9}$/.test(values[name])) refuse(`--${name} must be a number, not "${values[name]}".`);
  return Number(values[name]);
}

const [count, from] = [numberOf('seeds'), numberOf('from')];
if (values.bug !== undefined) {
  try {
    plant(values.bug);
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
}
makeCryptoSynchronous();
// Loaded only now, because the bug is planted while the engine is loaded.
const { simulate } = await import('./simulation.ts');
const { shrink } = await import('./shrink.ts');

const { strict: isStrict } = values;
const begunMs = performance.now();
let steps = 0;
let failed: number | undefined;
let done = 0;
for (let seed = from; seed < from + count && failed === undefined; seed += 1) {
  const trace: string[] | undefined = values.trace ? [] : undefined;
  const outcome = await simulate(Decisions.seeded(seed), { isStrict, ...(trace !== undefined && { trace }) });
  if (trace !== undefined) process.stdout.write(`${trace.join('\n')}\n`);
  steps += outcome.steps;
  done += 1;
  if (outcome.violation !== undefined) failed = seed;
}
const seconds = (performance.now() - begunMs) / 1000;
process.stderr.write(
  `${done} seeds, ${steps} steps, ${seconds.toFixed(1)} s, ${(done / seconds).toFixed(0)} seeds/s\n`,
);
if (failed === undefined) {
  if (values.json) process.stdout.write(`${JSON.stringify({ seeds: done, steps })}\n`);
} else {
  const first: string[] = [];
  const outcome = await simulate(Decisions.seeded(failed), { trace: first, isStrict });
  const shown = values['no-shrink'] ? { outcome, trace: first } : await shrink(outcome, isStrict);
  const { violation, steps: left } = shown.outcome;
  if (values.json) {
    const failure = { seed: failed, kind: violation?.kind, steps: outcome.steps, shrunkSteps: left };
    process.stdout.write(`${JSON.stringify({ ...failure, trace: shown.trace })}\n`);
  } else {
    process.stdout.write(`${shown.trace.join('\n')}\n`);
    process.stdout.write(
      `Seed ${failed}: ${violation?.message}\nIt has ${outcome.steps} steps; the trace has ${left}.\n`,
    );
  }
  process.exitCode = 3;
}
