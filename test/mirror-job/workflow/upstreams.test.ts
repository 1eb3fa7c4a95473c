/** A run of several upstreams, and upstreams whose budget is used up: what they share, and what is left for the next run. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { addImage, addLayer, shareLayer, tagAs, type Layer } from '../../support/builder.ts';
import { startCountingProxy, type CountingProxy } from '../../support/counting-proxy.ts';
import type { Misbehaviour } from '../../support/misbehaviour.ts';
import type { RegistryRequest } from '../../support/registry-request.ts';
import { expectWholeBucket } from './bucket-faults.ts';
import { JobOnNetwork } from './job-on-network.ts';
import { SmallRegistry, textOf } from './small-registry.ts';

vi.setConfig({ testTimeout: 120_000 });

/** The most manifest GETs of one run. An image here needs three. */
const GETS_PER_RUN = 4;
const TAGS = ['1', '2', '3'];

let job: JobOnNetwork;
let first: SmallRegistry;
let second: SmallRegistry;
let limited: SmallRegistry;
/** In front of the second registry. */
let proxy: CountingProxy;
let isDown = false;
let shared: Layer;

beforeAll(async () => {
  first = await SmallRegistry.start(['app']);
  second = await SmallRegistry.start(['tool']);
  limited = await SmallRegistry.start(['limited']);
  const [app, tool] = [first.repository('app'), second.repository('tool')];
  shared = await addLayer(app, 'shared', { size: 50_000 });
  shareLayer(app, tool, shared);
  tagAs(app, addImage(app, { layers: [shared] }), '1');
  tagAs(tool, addImage(tool, { layers: [await addLayer(tool, 'own'), shared] }), '1');
  for (const tag of TAGS) await limited.tag('limited', tag, tag);
  proxy = await startCountingProxy({
    target: second.registry.url,
    before: () => (isDown ? 'drop' : undefined),
  });
  job = await JobOnNetwork.start();
}, 120_000);

afterAll(async () => {
  await job?.close();
  await proxy?.stop();
  await Promise.all([first, second, limited].map((registry) => registry?.stop()));
});

beforeEach(() => {
  isDown = false;
  for (const registry of [first, second, limited]) registry.reset();
});

afterEach(() => expectWholeBucket(job.store));

function host(): string {
  return new URL(proxy.url).host;
}

async function configureBoth(): Promise<void> {
  const upstreams = { [first.registry.host]: { insecure: true }, [host()]: { insecure: true } };
  const images = [`${first.registry.host}/app`, `${host()}/tool`].map((source) => ({ source, tags: ['*'] }));
  await job.configure(textOf({ upstreams, images }));
}

function getsOf({ registry }: SmallRegistry, digest: string): number {
  return registry.requests.filter((request) => request.method === 'GET' && request.reference === digest)
    .length;
}

test('an upstream that is down for the whole run fails alone, by its name, and the next run carries on', async () => {
  await configureBoth();
  isDown = true;
  expect(await job.run()).toMatchObject({
    counts: { created: 1, failed: 1, skipped: 0 },
    items: [
      { repository: first.serving('app'), reference: '1', outcome: { result: 'created' } },
      {
        repository: `${host().replace(':', '_')}/tool`,
        outcome: { result: 'failed', error: expect.stringContaining(host()) },
      },
    ],
  });
  expect(await job.read('state/default/catalog.json')).toEqual({ repositories: [first.serving('app')] });
  isDown = false;
  first.reset();
  expect(await job.run()).toMatchObject({ counts: { created: 1, unchanged: 1, failed: 0 } });
  // The other upstream's run has stored it already.
  expect([getsOf(first, shared.digest), getsOf(second, shared.digest)]).toEqual([0, 0]);
  expect(await job.read('state/default/catalog.json')).toMatchObject({
    repositories: { length: 2 },
  });
});

test('a blob that two upstreams need at the same moment is fetched at most once from each', async () => {
  await configureBoth();
  const [app, tool] = [first.repository('app'), second.repository('tool')];
  const layer = await addLayer(app, 'shared by the second tags', { size: 50_000 });
  shareLayer(app, tool, layer);
  tagAs(app, addImage(app, { layers: [layer] }), '2');
  tagAs(tool, addImage(tool, { layers: [await addLayer(tool, 'own of 2'), layer] }), '2');
  // Both upstreams have begun to fetch it before the first one ends.
  const slow = ({ method, reference }: RegistryRequest): Misbehaviour | undefined =>
    method === 'GET' && reference === layer.digest ? { kind: 'delay', milliseconds: 2000 } : undefined;
  for (const { registry } of [first, second]) registry.misbehave(slow);
  expect(await job.run()).toMatchObject({ counts: { created: 2, unchanged: 2, failed: 0 } });
  expect([getsOf(first, layer.digest), getsOf(second, layer.digest)]).toEqual([1, 1]);
});

function manifestGets(): number {
  return limited.registry.requests.filter(({ method, kind }) => method === 'GET' && kind === 'manifest')
    .length;
}

function countsOf(report: unknown): Record<string, number> {
  const { counts }: { counts: Record<string, number> } = JSON.parse(JSON.stringify(report));
  return counts;
}

test('a run ends at its number of manifest GETs, says so, and later runs carry on until all is mirrored', async () => {
  await job.configure(textOf(limited.configuration({ budget: { manifestGetsPerRun: GETS_PER_RUN } })));
  const created: number[] = [];
  for (let runs = 1; created.reduce((sum, count) => sum + count, 0) < TAGS.length; runs += 1) {
    expect(runs).toBeLessThan(5);
    limited.reset();
    const report = await job.run();
    expect(manifestGets()).toBeLessThanOrEqual(GETS_PER_RUN);
    const counts = countsOf(report);
    created.push(counts['created'] ?? 0);
    if (counts['skipped'] === 0) continue;
    const sentence = `The budget of ${limited.registry.host} is used up: manifestGetsPerRun is ${GETS_PER_RUN}. The next run goes on from here.`;
    expect(counts['failed']).toBe(0);
    expect(report).toMatchObject({ upstreams: [{ name: limited.registry.host, exhausted: sentence }] });
    expect(JSON.stringify(report)).toContain(sentence);
  }
  expect(created.length).toBeGreaterThan(1);
  limited.reset();
  expect(await job.run()).toMatchObject({ counts: { unchanged: TAGS.length, skipped: 0 } });
  expect(manifestGets()).toBe(0);
});

test('a run leaves others what keepRemaining says of the quota that the upstream tells, and the next one carries on', async () => {
  for (const tag of TAGS) await limited.tag('limited', `${tag}, again`, tag);
  await job.configure(textOf(limited.configuration({ budget: { keepRemaining: 10 } })));
  let remaining = 14;
  const quota = ({ kind, method }: RegistryRequest): Misbehaviour | undefined => {
    if (kind !== 'manifest') return undefined;
    if (method === 'GET') remaining -= 1;
    const set = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': `${remaining};w=21600` };
    return { kind: 'headers', set };
  };
  limited.registry.misbehave(quota);
  const report = await job.run();
  expect(remaining).toBeGreaterThanOrEqual(10);
  expect(manifestGets()).toBeGreaterThan(0);
  expect(countsOf(report)).toMatchObject({ failed: 0 });
  expect(countsOf(report)['skipped']).toBeGreaterThan(0);
  expect(report).toMatchObject({
    upstreams: [
      {
        quotas: [{ remaining: expect.any(Number), limit: 100 }],
        exhausted: expect.stringMatching(
          / manifest GETs are left, and keepRemaining is 10\. The next run goes/,
        ),
      },
    ],
  });
  limited.reset();
  remaining = 100;
  limited.registry.misbehave(quota);
  expect(countsOf(await job.run())).toMatchObject({ skipped: 0, failed: 0 });
  limited.reset();
  expect(await job.run()).toMatchObject({ counts: { unchanged: TAGS.length } });
});
