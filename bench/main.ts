/**
 * `npm run bench -- edge|job|images|maintenance|self-hosted|torn-reads [--quick] [--only PART]` makes the figures that docs/benchmarks.md quotes, on
 * this machine.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runProgram } from '../test/support/process.ts';
import { requireProgram, type ProgramName } from '../test/support/programs.ts';
import { CONNECTIONS } from './edge/load.ts';
import { FULL, QUICK, benchEdge } from './edge/edge-bench.ts';
import { FULL_JOB, PARTS, QUICK_JOB, benchJob } from './job/job-bench.ts';
import { describeJob } from './job/terms.ts';
import { describeCommit, describeMachine, moduleVersion, packageVersion, programVersion } from './machine.ts';
import { benchImages } from './images.ts';
import { FULL_MAINTENANCE, QUICK_MAINTENANCE, benchMaintenance } from './maintenance/maintenance-bench.ts';
import { benchTornReads } from './torn-reads.ts';
import { FULL_SELF_HOSTED, QUICK_SELF_HOSTED, benchSelfHosted } from './self-hosted/self-hosted-bench.ts';
import { formatTable, missed, type Row } from './table.ts';

const USAGE = `Usage: npm run bench -- edge|job|images|maintenance|self-hosted|torn-reads [--quick] [--only PART]

  edge         the Worker in workerd, beside a bare Worker: ratios, reads of the store, size, memory
  job          lifeboat sync beside crane, regsync and skopeo: times, requests, memory; and the job as a Worker
               beside lifeboat sync (worker)
  images       lifeboat images with 10,000 and 20,000 pods: time and memory
  maintenance  lifeboat verify and prune over 100,000 objects, beside bare listings: time and memory; verify --deep beside a
               process that only reads and hashes
  self-hosted  the edge in workerd of one's own beside distribution, on one S3 server: manifests per second, a whole
               pull, memory
  torn-reads   versitygw while an object is replaced: reads whose body and ETag belong to two versions
  --quick      edge: 90 seconds instead of 8 minutes; job: 8 minutes instead of an hour; self-hosted: half a minute
               instead of two; maintenance: 9,000 objects; less exact
  --only PART  of job; may be given several times: ${PARTS.join(', ')}`;

/** The result of one benchmark. */
interface Outcome {
  readonly rows: readonly Row[];
  /** The machine, and the versions that the figures were made with. */
  readonly terms: string;
  readonly versions: Readonly<Record<string, string>>;
  /** The folders whose commit was measured. */
  readonly folders: readonly string[];
}

type Say = (text: string) => void;

async function main(): Promise<number> {
  const { positionals, values } = readArguments();
  const [subject, ...rest] = positionals;
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const parts = PARTS.filter((part) => values.only.length === 0 || values.only.includes(part));
  const areParts = values.only.every((name) => PARTS.some((part) => part === name));
  const hasParts = subject === 'job';
  const isSubject =
    hasParts || ['edge', 'images', 'maintenance', 'self-hosted', 'torn-reads'].includes(subject ?? '');
  const fits = isSubject && (hasParts ? areParts : values.only.length === 0);
  if (!fits || rest.length > 0) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const begin = performance.now();
  const elapsed = () => `${((performance.now() - begin) / 1000).toFixed(0).padStart(4)} s`;
  const say: Say = (text) => process.stderr.write(`${elapsed()}  ${text}\n`);
  const folder = temporaryFolder();
  const { rows, terms, versions, folders } =
    subject === 'edge'
      ? await edge(folder, values.quick, say)
      : subject === 'job'
        ? await job(parts, values.quick, say)
        : subject === 'images'
          ? await images(folder, say)
          : subject === 'maintenance'
            ? await maintenance(folder, values.quick, say)
            : subject === 'self-hosted'
              ? await selfHosted(folder, values.quick, say)
              : await tornReads(say);
  print(`\n${formatTable(rows)}\n\n${terms}`);
  const options = [...(values.quick ? ['--quick'] : []), ...values.only.map((part) => `--only ${part}`)];
  print(`command   ${['npm run bench --', subject, ...options].join(' ')}   (${elapsed().trim()})`);
  print(`commit    ${await describeCommit(folders)}`);
  print(
    `versions  ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
  );
  print(`machine   ${describeMachine()}`);
  const failed = missed(rows);
  for (const { what, goal, measured } of failed)
    process.stderr.write(`missed: ${what}: ${measured}, goal ${goal}\n`);
  return failed.length === 0 ? 0 : 1;
}

async function edge(folder: string, quick: boolean, say: Say): Promise<Outcome> {
  const effort = quick ? QUICK : FULL;
  return {
    rows: await benchEdge(join(folder, 'edge'), effort, say),
    terms: `Rates and ratios: median of ${effort.rounds} rounds and their spread; a round is ${effort.turns} × (bare, ours) of ${effort.seconds} s each. wrk with ${CONNECTIONS}
connections; the bare Worker answers with as many bytes and the same headers, and logs nothing. Ours logs a line a request.`,
    versions: {
      workerd: await packageVersion('workerd'),
      wrangler: await packageVersion('wrangler'),
      node: process.version.slice(1),
      wrk: await installedVersion('wrk', '-v'),
    },
    folders: ['worker', 'core'],
  };
}

async function job(parts: readonly (typeof PARTS)[number][], quick: boolean, say: Say): Promise<Outcome> {
  const effort = quick ? QUICK_JOB : FULL_JOB;
  // The job is built first, as `npm ci` does it, because otherwise an edited file would be measured as a start from
  // sources.
  say('building the job');
  await buildJob();
  return {
    rows: await benchJob(effort, new Set(parts), say),
    terms: describeJob(effort),
    versions: {
      crane: await installedVersion('crane', 'version'),
      regsync: await installedVersion('regsync', 'version'),
      skopeo: await installedVersion('skopeo', '--version'),
      'docker-registry': await installedVersion('docker-registry', '--version'),
      versitygw: await versitygwVersion(),
      workerd: await packageVersion('workerd'),
      node: process.version.slice(1),
    },
    folders: ['mirror-job', 'core'],
  };
}

async function images(folder: string, say: Say): Promise<Outcome> {
  say('building the job');
  await buildJob();
  return {
    rows: await benchImages(folder, say),
    terms:
      'Each is the median of three runs of the bundle on one file, start-up included; memory is the most of them.',
    versions: { node: process.version.slice(1) },
    folders: ['mirror-job', 'cluster', 'core'],
  };
}

async function selfHosted(folder: string, quick: boolean, say: Say): Promise<Outcome> {
  const effort = quick ? QUICK_SELF_HOSTED : FULL_SELF_HOSTED;
  say('building the job');
  await buildJob();
  return {
    rows: await benchSelfHosted(folder, effort, say),
    terms: `Median of ${effort.rounds} rounds and their spread; in a round each registry is asked for ${effort.seconds} s by wrk with ${CONNECTIONS} connections, and crane
pulls 64 MiB in 8 layers. The edge logs a line a request, distribution none. Both redirect blobs to the same S3 server.`,
    versions: {
      workerd: await packageVersion('workerd'),
      'docker-registry': await installedVersion('docker-registry', '--version'),
      versitygw: await versitygwVersion(),
      crane: await installedVersion('crane', 'version'),
      wrk: await installedVersion('wrk', '-v'),
    },
    folders: ['worker', 'core', 'infra/edge'],
  };
}

async function maintenance(folder: string, quick: boolean, say: Say): Promise<Outcome> {
  const effort = quick ? QUICK_MAINTENANCE : FULL_MAINTENANCE;
  say('building the job');
  await buildJob();
  return {
    rows: await benchMaintenance(folder, effort, say),
    terms: `Medians of ${effort.rounds} rounds and their spread; a round is a bare listing by the SDK, verify, and prune's plan, each a process, start-up
included. Memory is the most of all rounds. Of --deep, the time of a quick check is taken off.`,
    versions: { versitygw: await versitygwVersion(), node: process.version.slice(1) },
    folders: ['mirror-job', 'core'],
  };
}

async function tornReads(say: Say): Promise<Outcome> {
  return {
    rows: await benchTornReads(say),
    terms: 'For 15 s each, one writer replaces an object of 64 KiB and four readers read it.',
    versions: { versitygw: await versitygwVersion(), node: process.version.slice(1) },
    folders: ['mirror-job', 'core'],
  };
}

async function versitygwVersion(): Promise<string> {
  return moduleVersion(await requireProgram('versitygw'), 'github.com/versity/versitygw');
}

async function buildJob(): Promise<void> {
  const { code, stderr } = await runProgram(process.execPath, [
    join(import.meta.dirname, '../infra/bundle.js'),
  ]);
  // A warning fails too, because the bundle would not be the one that users have.
  if (code !== 0 || stderr !== '') throw new Error(`The job cannot be built:\n${stderr}`);
}

async function installedVersion(name: ProgramName, flag: string): Promise<string> {
  return programVersion(await requireProgram(name), [flag]);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', default: false, short: 'h' },
      },
    });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
    process.exit(2);
  }
}

/**
 * Creates the folder for everything that the run writes, the store included. It is removed when the process ends, also
 * by a signal.
 */
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
