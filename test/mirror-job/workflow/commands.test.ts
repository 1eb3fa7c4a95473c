/**
 * The commands of a machine and the job as a Worker work on one bucket: people import, plan, approve and revert by the bucket's
 * S3 API, before, between and during runs of the Worker.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startCountingProxy, type CountingProxy } from '../../support/counting-proxy.ts';
import { expectWholeBucket } from './bucket-faults.ts';
import { JobOnNetwork } from './job-on-network.ts';
import { Machine } from './machine.ts';
import { SmallRegistry } from './small-registry.ts';

vi.setConfig({ testTimeout: 120_000 });

let machine: Machine;
let job: JobOnNetwork;
let upstream: SmallRegistry;
/** In front of the registry. */
let proxy: CountingProxy;
/** Is called before each request for a blob reaches the registry. */
let beforeBlob: ((path: string) => Promise<void>) | undefined;
/** The digests to which upstream's tag has pointed, in order. */
const digests: string[] = [];

beforeAll(async () => {
  upstream = await SmallRegistry.start(['app']);
  proxy = await startCountingProxy({
    target: upstream.registry.url,
    before: async ({ path }) => {
      if (path.includes('/blobs/')) await beforeBlob?.(path);
    },
  });
  upstream.host = new URL(proxy.url).host;
  job = await JobOnNetwork.start();
  machine = await Machine.start(job.store);
  await move('first');
}, 120_000);

afterAll(async () => {
  await job?.close();
  await proxy?.stop();
  await upstream?.stop();
  await machine?.stop();
});

beforeEach(() => {
  beforeBlob = undefined;
});
afterEach(() => expectWholeBucket(job.store));

/** Upstream's tag moves to a new image. */
async function move(seed: string): Promise<void> {
  digests.push((await upstream.tag('app', seed, 'latest')).digest);
}

/** Writes the file that both read: this machine from its folder, and the Worker from the bucket. */
async function configure(policy: string): Promise<void> {
  const text = machine.configurationOf({ ...upstream.configuration(), defaults: { moves: { policy } } });
  await machine.write('lifeboat.yaml', text);
  await job.configure(text);
}

function image(): string {
  return `${upstream.serving('app')}:latest`;
}

test('a configuration that was imported on a machine is one that the Worker mirrors by', async () => {
  const regsync = {
    version: 1,
    creds: [{ registry: upstream.host, tls: 'disabled' }],
    sync: [{ source: `${upstream.host}/app`, target: 'mirror.test/app', type: 'repository' }],
  };
  await machine.write('regsync.yml', JSON.stringify(regsync));
  expect(await machine.lifeboat('import', 'regsync.yml')).toMatchObject({
    stderr: expect.any(String),
    code: 0,
  });
  const imported = await machine.read('lifeboat.yaml');
  await job.configure(imported.replace(/bucket: .*/, `bucket: ${job.store.bucket}`));
  expect(await job.run()).toMatchObject({ counts: { created: 1, failed: 0 } });
});

test('a plan on a machine says what the next run of the Worker does, and writes nothing', async () => {
  await move('second');
  await configure('follow');
  const before = await job.reader().sizes();
  const plan = await machine.lifeboat('plan', '--json');
  expect(plan.code).toBe(0);
  expect(JSON.parse(plan.stdout)).toMatchObject({ counts: { moved: 1, created: 0 } });
  expect(await job.reader().sizes()).toEqual(before);
  expect(await job.run()).toMatchObject({ counts: { moved: 1, failed: 0 } });
  expect(await machine.tagStatus(image())).toMatchObject({ digest: digests[1] });
});

test('a tag that the Worker holds is approved on a machine, and the next run of the Worker leaves it so', async () => {
  await move('third');
  await configure('hold');
  expect(await job.run()).toMatchObject({
    counts: { held: 1, moved: 0 },
    items: [{ reference: 'latest', outcome: { digest: digests[1], upstream: digests[2] } }],
  });
  const waiting = { digest: digests[2], firstSeen: expect.any(String), state: 'waits' };
  expect(await machine.tagStatus(image())).toMatchObject({
    digest: digests[1],
    candidates: expect.arrayContaining([waiting]),
  });
  const approved = await machine.lifeboat(
    'approve',
    `${image()}@${digests[2]}`,
    '--reason',
    'it was looked at',
  );
  expect(approved).toMatchObject({ code: 0, stdout: expect.stringMatching(/^moved /) });
  expect(await job.run()).toMatchObject({ counts: { unchanged: 1, held: 0, moved: 0 }, items: [] });
  expect(await machine.tagStatus(image())).toMatchObject({ digest: digests[2], movements: 3 });
});

test('a tag that was reverted on a machine stays there, though the Worker follows upstream', async () => {
  await configure('follow');
  expect((await machine.lifeboat('revert', image(), '--reason', 'it crashes')).code).toBe(0);
  expect(await job.run()).toMatchObject({
    counts: { held: 1, moved: 0 },
    items: [
      {
        outcome: { digest: digests[1], upstream: digests[2], reason: expect.stringContaining('it crashes') },
      },
    ],
  });
  expect(await machine.tagStatus(image())).toMatchObject({ digest: digests[1] });
});

test('a tag that is reverted while the Worker is about to move it stays where it was put', async () => {
  expect((await machine.lifeboat('approve', `${image()}@${digests[2]}`)).code).toBe(0);
  await move('fourth');
  const [reached, reverted] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  beforeBlob = () => {
    reached.resolve();
    return reverted.promise;
  };
  const due = job.nextDue();
  await job.fire(due);
  await reached.promise;
  const [history, plan, revert] = [
    await machine.lifeboat('history', image()),
    await machine.lifeboat('plan'),
    await machine.lifeboat('revert', image(), '--to', digests[0] ?? ''),
  ];
  reverted.resolve();
  expect([history.code, plan.code, revert.code]).toEqual([0, 0, 0]);
  await job.outputOf(due);
  expect(await job.read('state/default/last-run.json')).toMatchObject({
    counts: { held: 1, moved: 0, failed: 0 },
    items: [{ outcome: { digest: digests[0], upstream: digests[3] } }],
  });
  expect(await machine.tagStatus(image())).toMatchObject({ digest: digests[0] });
  expect((await machine.lifeboat('approve', `${image()}@${digests[3]}`)).code).toBe(0);
});

test('a run of a machine beside a run of the Worker leaves what one of them alone would', async () => {
  await move('fifth');
  await upstream.tag('app', 'sixth', 'more');
  // Both are in the middle of the same image before either goes on.
  const both = Promise.withResolvers<void>();
  const seen = new Set<string>();
  beforeBlob = (path) => {
    if (seen.has(path)) both.resolve();
    seen.add(path);
    return both.promise;
  };
  const due = job.nextDue();
  const [synced] = await Promise.all([machine.lifeboat('sync', '--json'), job.fire(due)]);
  await job.outputOf(due);
  expect(synced.code).toBe(0);
  expect(JSON.parse(synced.stdout)).toMatchObject({ counts: { failed: 0 } });
  expect(await job.run()).toMatchObject({ counts: { unchanged: 2, failed: 0 } });
  expect(await machine.tagStatus(image())).toMatchObject({ digest: digests[4] });
});
