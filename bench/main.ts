/** `npm run bench -- edge|job [--quick]`: the figures that README.md quotes, made on this machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { requireProgram } from '../test/support/programs.ts';
import { CONNECTIONS } from './edge/load.ts';
import { FULL, QUICK, benchEdge } from './edge/edge-bench.ts';
import { describeCommit, describeMachine, packageVersion, programVersion } from './machine.ts';
import { formatTable, missed } from './table.ts';

const USAGE = `Usage: npm run bench -- edge [--quick]

  edge      the Worker in workerd, beside a bare Worker: ratios, reads of the store, size, memory
  job       not written yet
  --quick   under 90 seconds and less exact; without it, under 15 minutes`;

async function main(): Promise<number> {
  const { positionals, values } = readArguments();
  const [subject, ...rest] = positionals;
  if (values.help) {
    print(USAGE);
    return 0;
  }
  if (subject === 'job') {
    process.stderr.write('There is no benchmark of the job yet.\n');
    return 2;
  }
  if (subject !== 'edge' || rest.length > 0) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const effort = values.quick ? QUICK : FULL;
  const begin = performance.now();
  const elapsed = () => `${((performance.now() - begin) / 1000).toFixed(0).padStart(4)} s`;
  const rows = await benchEdge(join(temporaryFolder(), 'edge'), effort, (text) =>
    process.stderr.write(`${elapsed()}  ${text}\n`),
  );
  print('');
  print(formatTable(rows));
  print(`
Rates and ratios: median of ${effort.rounds} rounds and their spread; a round is ${effort.turns} × (bare, ours) of ${effort.seconds} s each. wrk with ${CONNECTIONS}
connections; the bare Worker answers with as many bytes and the same headers, and logs nothing. Ours logs a line a request.`);
  print(`command   npm run bench -- edge${values.quick ? ' --quick' : ''}   (${elapsed().trim()})`);
  print(`commit    ${await describeCommit()}`);
  print(`versions  ${await versions()}`);
  print(`machine   ${describeMachine()}`);
  const failed = missed(rows);
  for (const { what, goal, measured } of failed)
    process.stderr.write(`missed: ${what}: ${measured}, goal ${goal}\n`);
  return failed.length === 0 ? 0 : 1;
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false, short: 'h' },
      },
    });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
    process.exit(2);
  }
}

async function versions(): Promise<string> {
  const wrk = await programVersion(await requireProgram('wrk'), ['-v']);
  const programs = {
    workerd: await packageVersion('workerd'),
    wrangler: await packageVersion('wrangler'),
    node: process.version.slice(1),
    wrk,
  };
  return Object.entries(programs)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
}

/** Everything that the run writes is in it, the store too, and it goes with the process, also when that is ended. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-bench-'));
  process.env['TMPDIR'] = folder;
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  return folder;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  process.exitCode = await main();
} catch (error) {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(`${message}\n${cause instanceof Error ? `${cause.message}\n` : ''}`);
  process.exitCode = 1;
}
