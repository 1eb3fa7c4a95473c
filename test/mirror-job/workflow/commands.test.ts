/**
 * The commands of a machine and the job as a Worker work on one bucket: people import, plan, approve and revert by the bucket's
 * S3 API, before, between and during runs of the Worker.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startCountingProxy, type CountingProxy } from '../../support/counting-proxy.ts';
import { NOBODYS } from '../../support/nobody.ts';
import { runProgram, type Finished } from '../../support/process.ts';
import { bundledJob } from '../../support/shared.ts';
import { expectWholeBucket } from './bucket-faults.ts';
import { JobOnNetwork } from './job-on-network.ts';
import { SmallRegistry } from './small-registry.ts';

vi.setConfig({ testTimeout: 120_000 });

interface Gate {
  readonly reached: PromiseWithResolvers<void>;
  readonly opened: PromiseWithResolvers<void>;
}

let main: string;
let folder: string;
let job: JobOnNetwork;
let upstream: SmallRegistry;
/** In front of the registry. */
let proxy: CountingProxy;
/** Stops each request for a blob until it is opened. */
let gate: Gate | undefined;
/** The digests to which upstream's tag has pointed, in order. */
const digests: string[] = [];

beforeAll(async () => {
  main = await bundledJob();
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-commands-'));
  upstream = await SmallRegistry.start(['app']);
  proxy = await startCountingProxy({
    target: upstream.registry.url,
    before: async ({ path }) => {
      if (!path.includes('/blobs/')) return;
      gate?.reached.resolve();
      await gate?.opened.promise;
    },
  });
  upstream.host = new URL(proxy.url).host;
  job = await JobOnNetwork.start();
  await move('first');
}, 120_000);

afterAll(async () => {
  await job?.close();
  await proxy?.stop();
  await upstream?.stop();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => upstream.reset());
afterEach(() => expectWholeBucket(job.store));

/** Upstream's tag moves to a new image. */
async function move(seed: string): Promise<void> {
  digests.push((await upstream.tag('app', seed, 'latest')).digest);
}

function lifeboat(...args: readonly string[]): Promise<Finished> {
  const { endpoint, accessKeyId, secretAccessKey } = job.store;
  const env = {
    ...NOBODYS,
    DOCKER_CONFIG: folder,
    S3_ENDPOINT: endpoint,
    S3_ACCESS_KEY_ID: accessKeyId,
    S3_SECRET_ACCESS_KEY: secretAccessKey,
  };
  return runProgram(process.execPath, [main, ...args], { cwd: folder, timeout: 60_000, env });
}

/** Writes the file that both read: this machine from its folder, and the Worker from the bucket. */
async function configure(text: string): Promise<void> {
  await writeFile(join(folder, 'lifeboat.yaml'), text);
  await job.configure(text);
}

function configuration(moves: string): string {
  const store = {
    endpoint: '${S3_ENDPOINT}',
    bucket: job.store.bucket,
    region: 'auto',
    accessKeyId: '${S3_ACCESS_KEY_ID}',
    secretAccessKey: '${S3_SECRET_ACCESS_KEY}',
  };
  return JSON.stringify({ store, ...upstream.configuration(), defaults: { moves: { policy: moves } } });
}

function image(): string {
  return `${upstream.serving('app')}:latest`;
}

/** @returns what the bucket's tag points to, as `lifeboat history` prints it */
async function tagStatus(): Promise<unknown> {
  const { code, stdout, stderr } = await lifeboat('history', image(), '--json');
  if (code !== 0) throw new Error(stderr);
  const { tags, movements }: { tags: readonly unknown[]; movements: readonly unknown[] } = JSON.parse(stdout);
  return { ...Object(tags[0]), movements: movements.length };
}

test('a configuration that was imported on a machine is one that the Worker mirrors by', async () => {
  const regsync = {
    version: 1,
    creds: [{ registry: upstream.host, tls: 'disabled' }],
    sync: [{ source: `${upstream.host}/app`, target: 'mirror.test/app', type: 'repository' }],
  };
  await writeFile(join(folder, 'regsync.yml'), JSON.stringify(regsync));
  expect(await lifeboat('import', 'regsync.yml')).toMatchObject({ stderr: expect.any(String), code: 0 });
  const imported = await readFile(join(folder, 'lifeboat.yaml'), 'utf8');
  await job.configure(imported.replace(/bucket: .*/, `bucket: ${job.store.bucket}`));
  expect(await job.run()).toMatchObject({ counts: { created: 1, failed: 0 } });
});

test('a plan on a machine says what the next run of the Worker does, and writes nothing', async () => {
  await move('second');
  await configure(configuration('follow'));
  const before = await job.reader().sizes();
  const plan = await lifeboat('plan', '--json');
  expect(plan.code).toBe(0);
  expect(JSON.parse(plan.stdout)).toMatchObject({ counts: { moved: 1, created: 0 } });
  expect(await job.reader().sizes()).toEqual(before);
  expect(await job.run()).toMatchObject({ counts: { moved: 1, failed: 0 } });
  expect(await tagStatus()).toMatchObject({ digest: digests[1] });
});

test('a tag that the Worker holds is approved on a machine, and the next run of the Worker leaves it so', async () => {
  await move('third');
  await configure(configuration('hold'));
  expect(await job.run()).toMatchObject({
    counts: { held: 1, moved: 0 },
    items: [{ reference: 'latest', outcome: { digest: digests[1], upstream: digests[2] } }],
  });
  const waiting = { digest: digests[2], firstSeen: expect.any(String), state: 'waits' };
  expect(await tagStatus()).toMatchObject({
    digest: digests[1],
    candidates: expect.arrayContaining([waiting]),
  });
  const approved = await lifeboat('approve', `${image()}@${digests[2]}`, '--reason', 'it was looked at');
  expect(approved).toMatchObject({ code: 0, stdout: expect.stringMatching(/^moved /) });
  expect(await job.run()).toMatchObject({ counts: { unchanged: 1, held: 0, moved: 0 }, items: [] });
  expect(await tagStatus()).toMatchObject({ digest: digests[2], movements: 3 });
});

test('a tag that was reverted on a machine stays there, though the Worker follows upstream', async () => {
  await configure(configuration('follow'));
  expect((await lifeboat('revert', image(), '--reason', 'it crashes')).code).toBe(0);
  expect(await job.run()).toMatchObject({
    counts: { held: 1, moved: 0 },
    items: [
      {
        outcome: { digest: digests[1], upstream: digests[2], reason: expect.stringContaining('it crashes') },
      },
    ],
  });
  expect(await tagStatus()).toMatchObject({ digest: digests[1] });
});

test('a tag that is reverted while the Worker is about to move it stays where it was put', async () => {
  expect((await lifeboat('approve', `${image()}@${digests[2]}`)).code).toBe(0);
  await move('fourth');
  gate = { reached: Promise.withResolvers(), opened: Promise.withResolvers() };
  const due = job.nextDue();
  await job.fire(due);
  await gate.reached.promise;
  const [history, plan, reverted] = [
    await lifeboat('history', image()),
    await lifeboat('plan'),
    await lifeboat('revert', image(), '--to', digests[0] ?? ''),
  ];
  gate.opened.resolve();
  expect([history.code, plan.code, reverted.code]).toEqual([0, 0, 0]);
  await job.outputOf(due);
  expect(await job.read('state/default/last-run.json')).toMatchObject({
    counts: { held: 1, moved: 0, failed: 0 },
    items: [{ outcome: { digest: digests[0], upstream: digests[3] } }],
  });
  expect(await tagStatus()).toMatchObject({ digest: digests[0] });
  expect((await lifeboat('approve', `${image()}@${digests[3]}`)).code).toBe(0);
});

test('a run of a machine beside a run of the Worker leaves what one of them alone would', async () => {
  await move('fifth');
  await upstream.tag('app', 'sixth', 'more');
  const due = job.nextDue();
  const [synced] = await Promise.all([lifeboat('sync'), job.fire(due)]);
  await job.outputOf(due);
  expect(synced.code).toBe(0);
  expect(await job.run()).toMatchObject({ counts: { unchanged: 2, failed: 0 } });
  expect(await tagStatus()).toMatchObject({ digest: digests[4] });
});
