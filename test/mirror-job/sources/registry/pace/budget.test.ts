/** The part of an upstream's rate limit that a run spends. The registry counts manifest GETs as Docker Hub does. */
import { afterEach, expect, test } from 'vitest';
import { parseDigest } from '../../../../../core/digest.ts';
import { parseTag } from '../../../../../core/reference.ts';
import { planMirror } from '../../../../../mirror-job/engine/run/plan.ts';
import { runMirror } from '../../../../../mirror-job/engine/run/run.ts';
import {
  Budget,
  NO_BUDGET,
  type BudgetSettings,
} from '../../../../../mirror-job/sources/registry/pace/budget.ts';
import type { CredentialProvider } from '../../../../../mirror-job/sources/registry/registry-options.ts';
import { RegistrySource } from '../../../../../mirror-job/sources/registry/registry-source.ts';
import { AMD64, ARM64, addImage, addIndex, addLayer, tagAs } from '../../../../support/builder.ts';
import { digestOf, emptyRepository, type Repository } from '../../../../support/content.ts';
import type { Misbehaviour } from '../../../../support/misbehaviour.ts';
import { basicHeader } from '../../../../support/registry-auth.ts';
import type { RegistryRequest } from '../../../../support/registry-request.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../../support/rogue-registry.ts';
import { fakeHttpClient } from '../fake-http-client.ts';
import { environmentFor, imageOf, outcomesOf, registryAt } from '../../../support/harness.ts';
import { MemoryStore } from '../../../support/memory-store.ts';

const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

const LIMIT = 100;
const ANONYMOUS = 'nobody';
const NAMES = new Map(
  ['a', 'b'].map((name) => [basicHeader({ username: name, password: `of ${name}` }), name]),
);

/** The rest of each account's quota. Each GET of a manifest takes one. */
type Quotas = Record<string, number>;

function counting(quotas: Quotas): (request: RegistryRequest) => Misbehaviour | undefined {
  return ({ kind, method, headers }) => {
    const name = NAMES.get(headers.authorization ?? '') ?? ANONYMOUS;
    const left = quotas[name];
    if (left === undefined) {
      return { kind: 'status', status: 401, headers: { 'www-authenticate': 'Basic realm="rogue"' } };
    }
    if (kind !== 'manifest') return undefined;
    if (method === 'GET') {
      if (left === 0) return { kind: 'status', status: 429 };
      quotas[name] = left - 1;
    }
    const set = {
      'ratelimit-limit': `${LIMIT};w=21600`,
      'ratelimit-remaining': `${quotas[name]};w=21600`,
      'docker-ratelimit-source': name,
    };
    return { kind: 'headers', set };
  };
}

async function appOf(count: number, ...platforms: (typeof AMD64)[]): Promise<Repository> {
  const app = emptyRepository();
  for (let index = 1; index <= count; index += 1) {
    const images = [];
    for (const platform of platforms.length === 0 ? [AMD64] : platforms) {
      const layer = await addLayer(app, `${index} ${platform.architecture}`);
      images.push({ ...addImage(app, { layers: [layer], platform }), platform });
    }
    const [only] = images;
    if (only !== undefined) tagAs(app, images.length === 1 ? only : addIndex(app, images), `t${index}`);
  }
  return app;
}

function accountOf(name: string): CredentialProvider {
  return async () => ({ username: name, password: `of ${name}`, from: `of ${name}` });
}

interface Setting {
  readonly app: Repository;
  readonly quotas?: Quotas;
  readonly budget: Partial<BudgetSettings>;
  readonly accounts?: readonly string[];
}

async function start({ app, quotas, budget, accounts = [] }: Setting) {
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/app', app]]) },
    ...(quotas !== undefined && { misbehave: counting(quotas) }),
  });
  registries.push(registry);
  const store = new MemoryStore();
  return {
    host: registry.host,
    store,
    /** Runs the job with a new client, as a new process would. */
    sync: async () => {
      const client = await registryAt(registry.host, {
        budget: { ...NO_BUDGET, ...budget },
        accounts: accounts.map((name) => accountOf(name)),
      });
      const source = new RegistrySource(client, 'team/app');
      const image = imageOf(source, 'mirror.test/app', { referrersEveryMs: false });
      const begun = registry.requests.length;
      const report = await runMirror(environmentFor(store), 'default', [image]);
      const asked = registry.requests.slice(begun).filter(({ kind }) => kind === 'manifest');
      return {
        report,
        outcomes: new Map(
          Object.entries(outcomesOf(report)).map(([name, outcome]) => [name.split(':')[1], outcome]),
        ),
        gets: asked.filter(({ method }) => method === 'GET').length,
        heads: asked.filter(({ method }) => method === 'HEAD').length,
      };
    },
  };
}

test('keepRemaining stops a run when exactly that many requests are left, and the next run goes on from there', async () => {
  const quotas = { [ANONYMOUS]: 10 };
  const { host, sync, store } = await start({
    app: await appOf(7),
    quotas,
    budget: { keepRemaining: 6 },
  });
  const first = await sync();
  const reason = `The budget of ${host} is used up: 6 of 100 manifest GETs are left, and keepRemaining is 6. The next run goes on from here.`;
  expect(first.report.counts).toEqual({
    created: 4,
    failed: 0,
    moved: 0,
    skipped: 3,
    unchanged: 0,
    held: 0,
    gone: 0,
  });
  expect([...first.outcomes]).toEqual([
    ...['t1', 't2', 't3', 't4'].map((tag) => [tag, 'created']),
    ...['t5', 't6', 't7'].map((tag) => [tag, `skipped: ${reason}`]),
  ]);
  // The HEAD asks what is left before the first GET spends any.
  expect([quotas[ANONYMOUS], first.gets, first.heads]).toEqual([6, 4, 1]);
  expect(first.report.upstreams).toEqual([
    {
      name: host,
      requests: { heads: 1, manifestGets: 4, blobGets: 8, lists: 1 },
      quotas: [{ account: 1, remaining: 6, limit: 100, seconds: 21_600, source: ANONYMOUS }],
      exhausted: reason,
    },
  ]);

  const second = await sync();
  expect(second.report.counts).toEqual({
    created: 0,
    failed: 0,
    moved: 0,
    skipped: 3,
    unchanged: 4,
    held: 0,
    gone: 0,
  });
  expect([quotas[ANONYMOUS], second.gets]).toEqual([6, 0]);

  quotas[ANONYMOUS] = 100;
  expect((await sync()).report.counts).toEqual({
    created: 3,
    failed: 0,
    moved: 0,
    skipped: 0,
    unchanged: 4,
    held: 0,
    gone: 0,
  });
  expect(store.keys('/_tags/').length).toBe(7);
});

test('manifestGetsPerRun is spent on whole images instead of many indexes, so that each run gets further', async () => {
  const { host, sync } = await start({
    app: await appOf(5, AMD64, ARM64),
    budget: { manifestGetsPerRun: 7 },
  });
  const reason = `The budget of ${host} is used up: manifestGetsPerRun is 7. The next run goes on from here.`;
  const runs = [];
  for (let index = 0; index < 3; index += 1) {
    const { report, gets, outcomes } = await sync();
    runs.push([gets, report.counts.created, report.counts.skipped]);
    expect(new Set(outcomes.values())).toEqual(
      new Set(['created', ...(index < 2 ? [`skipped: ${reason}`] : [])]),
    );
  }
  // Each image takes three GETs. Of an unfinished image, the next run fetches again only the index.
  expect(runs).toEqual([
    [7, 2, 3],
    [7, 2, 1],
    [3, 1, 0],
  ]);
});

test('without a budget, a quota that ends fails the tags that meet it, and the others are skipped', async () => {
  const quotas = { [ANONYMOUS]: 2 };
  const { host, sync } = await start({ app: await appOf(12), quotas, budget: {} });
  const { report, outcomes } = await sync();
  expect(report.counts.created).toBe(2);
  expect(report.counts.failed).toBeGreaterThan(0);
  expect(report.counts.skipped).toBe(10 - report.counts.failed);
  const skipped = [...outcomes.values()].filter((outcome) => outcome.startsWith('skipped'));
  expect(new Set(skipped)).toEqual(
    new Set([
      `skipped: The quota of ${host} is used up: 0 of 100 manifest GETs are left. The next run goes on from here.`,
    ]),
  );
});

test('a plan counts no more requests than the budget allows the run', async () => {
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/app', await appOf(5)]]) },
  });
  registries.push(registry);
  const client = await registryAt(registry.host, { budget: { ...NO_BUDGET, manifestGetsPerRun: 3 } });
  const image = imageOf(new RegistrySource(client, 'team/app'), 'mirror.test/app', {
    referrersEveryMs: false,
  });
  const { cost, counts } = await planMirror(environmentFor(new MemoryStore()), 'default', [image]);
  expect([counts.created, counts.skipped]).toEqual([3, 2]);
  expect(cost.requests).toEqual({ heads: 0, manifestGets: 3, blobGets: 6, lists: 1 });
});

test('a budget that is just enough skips no tag, and is not called used up', async () => {
  const { sync } = await start({ app: await appOf(3, AMD64, ARM64), budget: { manifestGetsPerRun: 9 } });
  const { report, gets } = await sync();
  expect([gets, report.counts.created, report.counts.skipped]).toEqual([9, 3, 0]);
  expect(report.upstreams.map(({ exhausted, quotas }) => [exhausted, quotas])).toEqual([[undefined, []]]);
});

test('each of several accounts is spent down to keepRemaining, one after the other', async () => {
  const quotas = { a: 12, b: 13 };
  const { sync } = await start({
    app: await appOf(6),
    quotas,
    budget: { keepRemaining: 10 },
    accounts: ['a', 'b'],
  });
  const { report } = await sync();
  expect(report.counts).toEqual({
    created: 5,
    failed: 0,
    moved: 0,
    skipped: 1,
    unchanged: 0,
    held: 0,
    gone: 0,
  });
  expect(quotas).toEqual({ a: 10, b: 10 });
  expect(report.upstreams[0]?.quotas).toMatchObject([
    { account: 1, source: 'a', remaining: 10 },
    { account: 2, source: 'b', remaining: 10 },
  ]);
});

test('an account without a known quota keeps its number in the list, and an anonymous request counts for no account', async () => {
  const quotas: Quotas = { b: 50 };
  const { host } = await start({ app: await appOf(1), quotas, budget: {} });
  const client = await registryAt(host, { accounts: [accountOf('refused'), accountOf('b')] });
  const source = new RegistrySource(client, 'team/app');
  const resolved = await source.resolve(parseTag('t1'));
  const digest = parseDigest(resolved?.digest ?? '');
  quotas[ANONYMOUS] = 3;
  expect(await source.isPublic(digest)).toBe(true);
  expect(client.report().quotas).toMatchObject([{ account: 2, source: 'b', remaining: 50 }]);
});

test('an anonymous GET, sent where HEAD is refused, does not end the budget of an account', async () => {
  const bytes = Buffer.from('a manifest');
  const digest = parseDigest(digestOf(bytes));
  const client = await registryAt('registry.test', {
    accounts: [accountOf('b')],
    budget: { ...NO_BUDGET, keepRemaining: 10 },
    httpClient: fakeHttpClient((_url, _headers, _body, method) => {
      const headers = { 'ratelimit-remaining': '3;w=60' };
      return method === 'HEAD'
        ? new Response(null, { status: 405, headers })
        : new Response(bytes, { status: 200, headers });
    }),
  });
  for (const path of ['team/app', 'team/other', 'team/third']) {
    expect(await new RegistrySource(client, path).isPublic(digest)).toBe(true);
  }
  expect(client.report()).toMatchObject({ exhausted: undefined, requests: { heads: 3, manifestGets: 3 } });
});

test('keepRemaining does not apply to a registry that does not say what is left', async () => {
  const { sync } = await start({ app: await appOf(3), budget: { keepRemaining: 1000 } });
  const { report, heads } = await sync();
  expect([report.counts.created, heads]).toEqual([3, 1]);
});

function told(remaining: number): Headers {
  return new Headers({ 'ratelimit-remaining': `${remaining};w=60` });
}

test('when answers overtake each other, the lowest number holds until a request has been alone', () => {
  const account = {};
  const budget = new Budget('docker.io', { ...NO_BUDGET, keepRemaining: 0 });
  const left = (): number | undefined => budget.quotasOf([account])[0]?.remaining;
  budget.note(account, told(10));
  const [first, second] = [budget.spend(account), budget.spend(account)];
  second?.end(told(8));
  first?.end(told(9));
  expect(left()).toBe(8);
  budget.spend(account)?.end(told(99));
  expect(left()).toBe(99);
});

test('a request on its way counts as spent', () => {
  const account = {};
  const budget = new Budget('docker.io', { ...NO_BUDGET, keepRemaining: 2 });
  budget.note(account, told(4));
  const spendings = [budget.spend(account), budget.spend(account), budget.spend(account)];
  expect(spendings.map((spending) => spending !== undefined)).toEqual([true, true, false]);
  // The registry may not have counted a request without an answer.
  spendings[0]?.end(undefined);
  expect(budget.spend(account)).toBeDefined();
});

test.each([
  ['100', 100, undefined],
  ['100;w=21600', 100, 21_600],
  [' 7 ; w=60', 7, 60],
  ['76, 100;w=1', 76, undefined],
  ['-1', undefined, undefined],
  ['many', undefined, undefined],
])('ratelimit-remaining is read as a quota or ignored: %s', (text, remaining, seconds) => {
  const budget = new Budget('docker.io', NO_BUDGET);
  const account = {};
  budget.note(account, new Headers({ 'ratelimit-remaining': text }));
  expect(budget.quotasOf([account]).map((quota) => [quota.remaining, quota.seconds])).toEqual(
    remaining === undefined ? [] : [[remaining, seconds]],
  );
});

test.each(['many', '-1', '76.5', '1e3', 'w=21600'])(
  'keepRemaining, where what is left is told as "%s": no manifest is asked for, and why is said',
  async (remaining) => {
    const app = await appOf(1);
    const registry = await startRogueRegistry({
      corpus: { repositories: new Map([['team/app', app]]) },
      misbehave: () => ({ kind: 'headers', set: { 'ratelimit-remaining': remaining } }),
    });
    registries.push(registry);
    const budget = { ...NO_BUDGET, keepRemaining: 20 };
    const source = new RegistrySource(await registryAt(registry.host, { budget }), 'team/app');
    await expect(source.manifest(parseTag('t1'))).rejects.toThrow(
      `${registry.host} says "ratelimit-remaining: ${remaining}", which Lifeboat does not understand, so it cannot keep to keepRemaining. Remove keepRemaining from upstreams["${registry.host}"].budget to ask for manifests anyway.`,
    );
    expect(registry.requests.map(({ method }) => method)).toEqual(['HEAD']);
    // Without keepRemaining the header does not matter.
    const free = new RegistrySource(await registryAt(registry.host), 'team/app');
    expect(await free.manifest(parseTag('t1'))).toMatchObject({ digest: app.tags.get('t1') });
  },
);

test('an account whose ratelimit-remaining is not understood leaves the manifests to the next account', async () => {
  const app = await appOf(1);
  let ofSecond = '50';
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/app', app]]) },
    misbehave: ({ headers }) => {
      const name = NAMES.get(headers.authorization ?? '');
      if (name === undefined) {
        return { kind: 'status', status: 401, headers: { 'www-authenticate': 'Basic realm="rogue"' } };
      }
      return { kind: 'headers', set: { 'ratelimit-remaining': name === 'a' ? 'many' : ofSecond } };
    },
  });
  registries.push(registry);
  const read = async () => {
    const budget = { ...NO_BUDGET, keepRemaining: 20 };
    const accounts = [accountOf('a'), accountOf('b')];
    registry.requests.length = 0;
    const source = new RegistrySource(await registryAt(registry.host, { budget, accounts }), 'team/app');
    return source.manifest(parseTag('t1'));
  };
  expect(await read()).toMatchObject({ digest: app.tags.get('t1') });
  expect(
    registry.requests.map(
      ({ method, headers }) => `${method} ${NAMES.get(headers.authorization ?? '') ?? '-'}`,
    ),
  ).toEqual(['HEAD -', 'HEAD a', 'HEAD -', 'HEAD b', 'GET b']);
  // If the second account has none left, the message names the header of the first one that is not understood.
  ofSecond = '20';
  await expect(read()).rejects.toThrow(
    'says "ratelimit-remaining: many", which Lifeboat does not understand',
  );
});

test('a ratelimit-remaining that is mostly white space is read in no time', () => {
  const budget = new Budget('docker.io', NO_BUDGET);
  const began = process.cpuUsage();
  budget.note({}, { get: () => `1${' '.repeat(100_000)}x` });
  expect(process.cpuUsage(began).user).toBeLessThan(1_000_000);
});
