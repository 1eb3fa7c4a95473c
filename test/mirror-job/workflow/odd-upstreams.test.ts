/** Odd answers of an upstream, read by the `fetch` of Workers: the run gets over those that pass, and names those that do not. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startCountingProxy, type CountingProxy, type ProxiedRequest } from '../../support/counting-proxy.ts';
import type { Misbehaviour } from '../../support/misbehaviour.ts';
import type { RegistryRequest } from '../../support/registry-request.ts';
import { expectWholeBucket } from './bucket-faults.ts';
import { JobOnNetwork } from './job-on-network.ts';
import { SmallRegistry, textOf } from './small-registry.ts';

vi.setConfig({ testTimeout: 120_000 });

const ACCOUNT = { username: 'reader', password: 'secret' };

let job: JobOnNetwork;
let upstream: SmallRegistry;
let proxy: CountingProxy;
let drops: ((request: ProxiedRequest) => boolean) | undefined;
let tags = 0;
/** How many tags are mirrored. */
let published = 0;

beforeAll(async () => {
  upstream = await SmallRegistry.start(['app', 'good'], { auth: { kind: 'bearer', credentials: ACCOUNT } });
  await upstream.tag('good', 'good', '1');
  proxy = await startCountingProxy({
    target: upstream.registry.url,
    before: (request) => (drops?.(request) === true ? 'drop' : undefined),
  });
  job = await JobOnNetwork.start({ REGISTRY_PASSWORD: ACCOUNT.password });
  const credentials = [{ username: ACCOUNT.username, password: '${REGISTRY_PASSWORD}' }];
  await job.configure(
    textOf({
      upstreams: { [host()]: { insecure: true, credentials, timeout: '2s' } },
      images: ['good', 'app'].map((name) => ({ source: `${host()}/${name}`, tags: ['*'], public: true })),
    }),
  );
  await job.run();
  published += 1;
}, 120_000);

afterAll(async () => {
  await job?.close();
  await proxy?.stop();
  await upstream?.stop();
});

beforeEach(async () => {
  drops = undefined;
  upstream.reset();
  tags += 1;
  await upstream.tag('app', `of test ${tags}`, `t${tags}`);
});

/** Nothing in the bucket is wrong, whatever the upstream answered. */
afterEach(() => expectWholeBucket(job.store));

function host(): string {
  return new URL(proxy.url).host;
}

/** The requests to the repository whose answers are odd. */
function odd(kind: RegistryRequest['kind'], how: Misbehaviour, times = Number.POSITIVE_INFINITY) {
  return (request: RegistryRequest): Misbehaviour | undefined =>
    request.repository === 'app' && request.kind === kind && request.method === 'GET' && request.nth < times
      ? how
      : undefined;
}

/** The report of the run in which the new tag was mirrored in spite of what the upstream did. */
function mirrored(): object {
  published += 1;
  return { counts: { created: 1, unchanged: published - 1, failed: 0, skipped: 0 } };
}

/** The report of the run in which the new tag failed alone. The tag goes, so that it does not fail in later tests. */
function failed(sentence: RegExp | string): object {
  upstream.repository('app').tags.delete(`t${tags}`);
  const outcome = { result: 'failed', error: expect.stringMatching(sentence) };
  return {
    counts: { created: 0, unchanged: published, failed: 1 },
    items: [{ reference: `t${tags}`, outcome }],
  };
}

test('a blob that the registry redirects to another host is read there, without the token', async () => {
  upstream.registry.misbehave(odd('blob', { kind: 'redirect-elsewhere' }));
  expect(await job.run()).toMatchObject(mirrored());
  const { elsewhere } = upstream.registry;
  const redirected = upstream.registry.requests.filter((request) => request.host === elsewhere);
  expect(redirected.length).toBeGreaterThan(2);
  expect(redirected.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
});

test('a blob that breaks off is continued where it broke off', async () => {
  upstream.registry.misbehave(odd('blob', { kind: 'close', after: 700 }, 2));
  expect(await job.run()).toMatchObject(mirrored());
  const ranges = upstream.registry.requests.flatMap(({ headers: { range } }) => range ?? []);
  expect(ranges).toContainEqual(expect.stringMatching(/^bytes=700-/));
});

test('a blob that falls silent is continued where it stopped', async () => {
  upstream.registry.misbehave(odd('blob', { kind: 'stall', after: 1000 }, 1));
  expect(await job.run()).toMatchObject(mirrored());
  // In Workers a body that is dropped ends like a whole one, and must not be taken for one.
  const ranges = upstream.registry.requests.flatMap(({ headers: { range } }) => range ?? []);
  expect(ranges).toContainEqual(expect.stringMatching(/^bytes=1000-/));
});

test('a registry that answers 429 with a Retry-After is left alone for that time, and then the run goes on', async () => {
  let refused = '';
  const arrivals: number[] = [];
  upstream.registry.misbehave(({ kind, method, path }) => {
    if (kind !== 'manifest' || method !== 'GET') return undefined;
    if (refused === '') refused = path;
    if (path !== refused) return undefined;
    arrivals.push(Date.now());
    return arrivals.length === 1
      ? { kind: 'status', status: 429, headers: { 'retry-after': '2' } }
      : undefined;
  });
  expect(await job.run()).toMatchObject(mirrored());
  const [first = 0, again = 0] = arrivals;
  expect(again - first).toBeGreaterThanOrEqual(1900);
});

test('a connection that is reset at the first request for each object is only asked again', async () => {
  const seen = new Set<string>();
  drops = ({ method, path }) => {
    const name = `${method} ${path}`;
    if (!path.includes('/app/') || seen.has(name)) return false;
    seen.add(name);
    return true;
  };
  expect(await job.run()).toMatchObject(mirrored());
  expect(seen.size).toBeGreaterThan(5);
});

test('a manifest that is compressed on the way is refused, with the encoding', async () => {
  upstream.registry.misbehave(odd('manifest', { kind: 'gzip' }));
  expect(await job.run()).toMatchObject(
    failed('The answer has Content-Encoding "gzip", which the job did not ask for.'),
  );
});

test('a blob with wrong bytes is refused by its digest', async () => {
  upstream.registry.misbehave(odd('blob', { kind: 'wrong-bytes' }));
  expect(await job.run()).toMatchObject(failed('sent other bytes than asked for: their digest is'));
});

test('a blob that is always too short is refused', async () => {
  upstream.registry.misbehave(odd('blob', { kind: 'short', by: 5, honest: true }));
  expect(await job.run()).toMatchObject(failed(/sent \d+ of the \d+ bytes that the manifest gives/));
});
