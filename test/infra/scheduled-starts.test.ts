/** Runs each command of the schedules in infra/ as the user nobody, from a tree that this user may not write. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { addImage, addLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { buildImageTree } from '../support/dockerfile.ts';
import {
  allowWriting,
  asNobody,
  forbidWriting,
  installTree,
  makeOwnFolder,
  processesWith,
} from '../support/installed-tree.ts';
import { NOBODYS } from '../support/nobody.ts';
import { runProgram, startProgram, waitFor } from '../support/process.ts';
import { startRogueRegistry, type RogueRegistry } from '../support/rogue-registry.ts';
import { emptyBuckets, type Buckets } from '../support/shared.ts';
import { commandOf, parseUnit } from '../support/systemd-unit.ts';

// The limits are wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const INFRA = join(import.meta.dirname, '../../infra');
/** The PATH that systemd sets for a unit without one. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Every scheduler waits at least this long before it kills a run. */
const SCHEDULERS_WAIT_MS = 10_000;

let folder = '';
let store: Buckets;
let buckets: string[] = [];
let registry: RogueRegistry;
let image: string[] = [];

/** The folders that stand for the paths of infra/ in this test. */
const place = {
  clone: () => join(folder, 'work/lifeboat'),
  workspace: () => join(folder, 'work'),
  configuration: () => join(folder, 'etc'),
  state: () => join(folder, 'state'),
  collector: () => join(folder, 'collector'),
  image: () => join(folder, 'image'),
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-scheduled-'));
  await chmod(folder, 0o755);
  for (const writable of [place.workspace(), place.state(), place.collector(), place.configuration()]) {
    await makeOwnFolder(writable);
  }
  await installTree(place.clone());
  image = await buildImageTree(place.image());
  await forbidWriting(place.image());
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'layer')] }), 'one');
  registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', app]]) } });
  store = await emptyBuckets(3 * STARTS.length + 4);
  buckets = [...store.buckets];
});

afterAll(async () => {
  await registry?.stop();
  await allowWriting(folder);
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  registry.misbehave(undefined);
  const { endpoint, region } = store;
  const configuration = JSON.stringify({
    store: {
      endpoint,
      region,
      bucket: buckets.pop(),
      accessKeyId: '${S3_ACCESS_KEY_ID}',
      secretAccessKey: '${S3_SECRET_ACCESS_KEY}',
    },
    upstreams: { [registry.host]: { insecure: true, credentials: [] } },
    images: [`${registry.host}/team/app:one`],
  });
  const variables = `S3_ACCESS_KEY_ID=${store.accessKeyId}\nS3_SECRET_ACCESS_KEY=${store.secretAccessKey}\n`;
  await writeFile(join(place.workspace(), 'lifeboat.yaml'), configuration);
  await writeFile(join(place.configuration(), 'lifeboat.yaml'), configuration);
  await writeFile(join(place.configuration(), 'environment'), variables);
  for (const written of [join(place.state(), 'report.json'), join(place.collector(), 'lifeboat.prom')]) {
    await rm(written, { force: true });
  }
});

/** Reads a file of infra/ and replaces the paths of a server by those of this test. */
async function infraFile(name: string): Promise<string> {
  const text = await readFile(join(INFRA, name), 'utf8');
  return text
    .replaceAll('/opt/lifeboat', place.clone())
    .replaceAll('/etc/lifeboat', place.configuration())
    .replaceAll('/var/lib/lifeboat', place.state())
    .replaceAll('/var/lib/prometheus/node-exporter', place.collector());
}

interface Start {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly variables: Readonly<Record<string, string>>;
  /** The file of the report; undefined if the command writes none. */
  readonly report?: string;
}

/** Returns a PATH with a new enough Node, in a folder that everybody may read, as in an image. */
const nodePath = () => `${join(place.clone(), 'node_modules/.bin')}:${SYSTEM_PATH}`;

const keys = () => ({ S3_ACCESS_KEY_ID: store.accessKeyId, S3_SECRET_ACCESS_KEY: store.secretAccessKey });

async function byUnit(text: string): Promise<Start> {
  const service = parseUnit(await infraFile('systemd/lifeboat.service')).get('Service');
  const set = (service?.get('Environment') ?? []).map((line) => line.split('=', 2));
  return {
    command: commandOf(parseUnit(text)),
    cwd: service?.get('WorkingDirectory')?.[0] ?? '/',
    variables: { PATH: SYSTEM_PATH, ...Object.fromEntries(set), ...keys() },
    report: join(place.state(), 'report.json'),
  };
}

/** @returns the first code block in infra/README.md that has this text */
async function readmeBlock(part: string): Promise<string> {
  const blocks = [...(await infraFile('README.md')).matchAll(/```\w*\n(.*?)```/gs)].map(
    ([, text = '']) => text,
  );
  const found = blocks.find((text) => text.includes(part));
  if (found === undefined) throw new Error(`infra/README.md has no block of code with ${part}`);
  return found;
}

const WORKFLOW = z.object({
  jobs: z.object({
    sync: z.object({
      steps: z.array(z.object({ run: z.string().optional(), 'working-directory': z.string().optional() })),
    }),
  }),
});

const CRON_JOB = z.object({
  spec: z.object({
    jobTemplate: z.object({
      spec: z.object({
        template: z.object({
          spec: z.object({ containers: z.tuple([z.object({ args: z.array(z.string()) })]) }),
        }),
      }),
    }),
  }),
});

/** Starts the workflow's step as a GitHub runner does: the step's text is in a file, which bash runs. */
async function byWorkflow(): Promise<Start> {
  const workflow = WORKFLOW.parse(parse(await infraFile('github/mirror.yml')));
  const step = workflow.jobs.sync.steps.find(({ run = '' }) => /lifeboat.* sync /.test(run));
  const script = join(place.workspace(), 'step.sh');
  await writeFile(script, step?.run ?? 'exit 99');
  return {
    command: ['bash', '-e', script],
    cwd: join(place.workspace(), step?.['working-directory'] ?? '.'),
    variables: { PATH: SYSTEM_PATH, HOME: place.workspace(), ...keys() },
  };
}

async function byCronJob(): Promise<Start> {
  const cronJob = CRON_JOB.parse(parse(await infraFile('kubernetes/base/cronjob.yaml')));
  const [{ args }] = cronJob.spec.jobTemplate.spec.template.spec.containers;
  return {
    command: [...image, ...args],
    cwd: '/',
    variables: { PATH: nodePath(), ...keys() },
  };
}

/** Starts the script that infra/README.md installs for root, which reads the keys by itself. */
async function byHand(): Promise<Start> {
  const script = join(place.configuration(), 'lifeboat.sh');
  await writeFile(script, await infraFile('systemd/lifeboat.sh'), { mode: 0o755 });
  const report = join(place.state(), 'report.json');
  return {
    command: [script, 'sync', '-c', join(place.configuration(), 'lifeboat.yaml'), '--report', report],
    cwd: '/',
    variables: { PATH: SYSTEM_PATH },
    report,
  };
}

const STARTS: readonly (readonly [string, () => Promise<Start>])[] = [
  ['the systemd unit', async () => byUnit(await infraFile('systemd/lifeboat.service'))],
  ['the drop-in that adds metrics', async () => byUnit(await readmeBlock('--metrics'))],
  ['the command by hand beside systemd', byHand],

  ['the GitHub workflow', byWorkflow],
  ['the Kubernetes CronJob', byCronJob],
];

test('a command that is printed beside systemd can be pasted into root’s shell', async () => {
  const installed = join(folder, 'sbin');
  await mkdir(installed, { recursive: true });
  await writeFile(join(installed, 'lifeboat'), await infraFile('systemd/lifeboat.sh'), { mode: 0o755 });
  const paste = async (command: string) => {
    const [program, ...args] = asNobody(['sh', '-c', command], {
      ...NOBODYS,
      PATH: `${installed}:${SYSTEM_PATH}`,
    });
    const { code, stdout, stderr } = await runProgram(program, args, { cwd: '/' });
    return { code, output: stdout + stderr };
  };
  const configuration = join(place.configuration(), 'lifeboat.yaml');
  const app = `${registry.host}/team/app`;
  await paste(`lifeboat sync -c ${configuration} ${app}:one`);
  const unknown = await paste(`lifeboat history -c ${configuration} ${registry.host}/team/other`);
  const [, command = ''] = /Run "(.+?)" first/.exec(unknown.output) ?? [];
  expect([unknown.code, command]).toEqual([1, `lifeboat sync -c ${configuration}`]);
  expect(await paste(command)).toEqual({ code: 0, output: expect.stringMatching(/^1 unchanged/) });
  // The unit has the same variable, because commands from its journal are pasted into a shell as well.
  const unit = await byUnit(await infraFile('systemd/lifeboat.service'));
  expect(unit.variables).toMatchObject({ LIFEBOAT_COMMAND: 'lifeboat' });
});

/** Checks the report of a start that writes one. */
async function expectReport({ report }: Start, expected: object): Promise<void> {
  if (report === undefined) return;
  const written: unknown = JSON.parse(await readFile(report, 'utf8'));
  expect(written).toMatchObject(expected);
}

/** Checks the metrics of a start that writes them. */
async function expectMetrics({ command }: Start, line: string): Promise<void> {
  if (!command.includes('--metrics')) return;
  expect(await readFile(join(place.collector(), 'lifeboat.prom'), 'utf8')).toContain(line);
}

/** Empties the variables for proxies and logins of the tests' user, because an empty one counts as none. */
const started = ({ command, variables }: Start) => asNobody(command, { ...NOBODYS, ...variables });

test.each(STARTS)('%s mirrors as nobody, and writes nothing into its tree', async (_name, by) => {
  const start = await by();
  const [command, ...args] = started(start);
  const { code, stdout, stderr } = await runProgram(command, args, { cwd: start.cwd });
  expect([code, stdout + stderr]).toEqual([
    0,
    expect.stringMatching(/^created .*team\/app:one\npull it .*\n1 created/),
  ]);
  await expectReport(start, { interrupted: false, counts: { created: 1, failed: 0 } });
  await expectMetrics(start, '\nlifeboat_run_success{mirror="default"} 1\n');
});

test.each(
  STARTS.flatMap(([name, by]) =>
    (['SIGTERM', 'SIGINT'] as const).map((signal) => [name, signal, by] as const),
  ),
)('%s ends by %s with its report, and leaves no process', async (_name, signal, by) => {
  registry.misbehave(({ path }) => (path.includes('/blobs/') ? { kind: 'hang' } : undefined));
  const start = await by();
  const [command, ...args] = started(start);
  const before = registry.requests.length;
  const program = await startProgram(command, args, { cwd: start.cwd });
  try {
    const blobs = () => registry.requests.slice(before).filter(({ path }) => path.includes('/blobs/'));
    await waitFor('a blob’s request', () => blobs().length > 0, { program });
    program.kill(signal);
    const late = setTimeout(() => program.kill('SIGKILL'), SCHEDULERS_WAIT_MS);
    const exit = await program.exited;
    clearTimeout(late);
    expect(program.stderr()).toContain(`${signal}: stopping; aborting unfinished uploads.`);
    expect([exit.code, exit.signal]).toEqual([1, null]);
    await expectReport(start, { interrupted: true, counts: { skipped: 1 } });
  } finally {
    await program.stop(0);
  }
  expect(await processesWith(folder)).toEqual([]);
});

test('the drop-in that adds metrics writes as the unit’s user, into a folder where that user may write', async () => {
  const service = parseUnit(await readmeBlock('--metrics')).get('Service');
  expect(Object.fromEntries(service ?? [])).toEqual({
    SupplementaryGroups: ['lifeboat-metrics'],
    ReadWritePaths: [place.collector()],
    UMask: ['0022'],
    ExecStart: ['', expect.stringMatching(` --metrics ${place.collector()}/lifeboat\\.prom$`)],
  });
  const commands = await readmeBlock('groupadd');
  expect(commands.split('\n')).toEqual([
    'groupadd --system lifeboat-metrics',
    `chgrp lifeboat-metrics ${place.collector()}`,
    `chmod g+w ${place.collector()}`,
    '',
  ]);
});

test('no unit or drop-in runs a command as root, or a command that reads the job’s files', async () => {
  const readme = await infraFile('README.md');
  const units = [await infraFile('systemd/lifeboat.service')].concat(
    [...readme.matchAll(/```ini\n(.*?)```/gs)].map(([, text = '']) => text),
  );
  expect(units.length).toBeGreaterThan(2);
  for (const unit of units) {
    const settings = [...(parseUnit(unit).get('Service') ?? [])];
    const commands = settings.filter(([key]) => key.startsWith('Exec'));
    // Each has one command, because a command before or after it would run as another user, or would read the job's
    // files.
    expect(commands.map(([key]) => key).filter((key) => key !== 'ExecStart')).toEqual([]);
    expect(commands.flatMap(([, lines]) => lines).filter((line) => /^[+!|:@-]/.test(line))).toEqual([]);
    expect(settings.filter(([key]) => ['User', 'PermissionsStartOnly'].includes(key))).toEqual([]);
  }
});

test('each block of shell in infra/README.md has valid syntax, and no placeholder that a shell would read as a redirection', async () => {
  const readme = await infraFile('README.md');
  const blocks = [...readme.matchAll(/```sh\n(.*?)```/gs)].map(([, text = '']) => text);
  expect(blocks.length).toBeGreaterThan(6);
  for (const block of blocks) {
    const { code, stderr } = await runProgram('sh', ['-n', '-c', block]);
    expect([block, code, stderr]).toEqual([block, 0, '']);
    expect(block).not.toMatch(/<\w[^>\n]*>/);
  }
});
