/** A registry that refuses every request gets few of them, and causes one sentence, however many tags there are. */
import { afterEach, expect, test } from 'vitest';
import { parseTag } from '../../../../core/reference.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { RegistrySource } from '../../../../mirror-job/sources/registry/registry-source.ts';
import {
  DEFAULT_CONCURRENCY,
  DEFAULT_RETRY,
  type RegistryOptions,
} from '../../../../mirror-job/sources/registry/registry-options.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import type { Misbehaviour } from '../../../support/misbehaviour.ts';
import type { RegistryRequest } from '../../../support/registry-request.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import { fakeHttpClient } from './fake-http-client.ts';
import {
  environmentFor,
  imageOf,
  outcomesOf,
  registryAt,
  TestClock,
  type ImageOptions,
} from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

const MANY = Array.from({ length: 300 }, (_, index) => `t${index}`);

async function appWith(tags: readonly string[]): Promise<Repository> {
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'one')] }), ...tags);
  return app;
}

type Misbehave = (request: RegistryRequest) => Misbehaviour | undefined;

async function start(tags: readonly string[], misbehave?: Misbehave): Promise<RogueRegistry> {
  const corpus = { repositories: new Map([['team/app', await appWith(tags)]]) };
  const registry = await startRogueRegistry({ corpus, ...(misbehave !== undefined && { misbehave }) });
  registries.push(registry);
  return registry;
}

function mirrorOf(registry: RogueRegistry) {
  const store = new MemoryStore();
  return async (options: ImageOptions = {}, registryOptions: Partial<RegistryOptions> = {}) => {
    const clock = new TestClock();
    const client = await registryAt(registry.host, {
      clock,
      timeoutMs: 30_000,
      retry: DEFAULT_RETRY,
      ...registryOptions,
    });
    registry.requests.length = 0;
    const source = new RegistrySource(client, 'team/app');
    const image = imageOf(source, 'mirror.test/app', { referrersEveryMs: false, ...options });
    const outcomes = outcomesOf(await runMirror(environmentFor(store), 'default', [image]));
    return { outcomes, sentences: [...new Set(Object.values(outcomes))], clock, requests: registry.requests };
  };
}

const always =
  (status: number, headers: Record<string, string> = {}): Misbehave =>
  ({ kind }) =>
    kind === 'manifest' ? { kind: 'status', status, headers } : undefined;

const NO_MORE = 'This run sends it no more of these requests; the next run goes on from here.';

function tooMany(host: string, what: string): string {
  return `${host} answered 429 to 7 ${what} of team/app in a row: its rate limit is reached. ${NO_MORE}`;
}

test.each([
  ['named', { tags: MANY }, 7],
  ['listed', {}, 8],
])(
  '429 for ever to 300 tags that are %s: seven requests for manifests, and one sentence',
  async (_name, options, count) => {
    const registry = await start(MANY, always(429));
    const { outcomes, sentences, requests, clock } = await mirrorOf(registry)(options);
    expect(requests).toHaveLength(count);
    expect(Object.keys(outcomes)).toHaveLength(300);
    expect(sentences).toEqual([tooMany(registry.host, 'manifest GETs')]);
    // The waits are those of a single request between its attempts.
    expect(clock.sleeps).toHaveLength(6);
    expect(clock.sleeps.reduce((sum, sleep) => sum + sleep, 0)).toBeLessThan(12_000);
  },
);

test('a registry that always answers 429 with a Retry-After is waited for six times, as long as it says', async () => {
  const registry = await start(MANY, always(429, { 'retry-after': '7' }));
  const { sentences, requests, clock } = await mirrorOf(registry)({ tags: MANY });
  expect([requests.length, sentences]).toEqual([7, [tooMany(registry.host, 'manifest GETs')]]);
  expect(clock.sleeps).toEqual([7000, 7000, 7000, 7000, 7000, 7000]);
});

test('a Retry-After that is shorter than the back-off does not shorten it', async () => {
  const registry = await start(['one'], always(429, { 'retry-after': '0' }));
  const { clock } = await mirrorOf(registry)({ tags: ['one'] });
  expect(clock.sleeps).toHaveLength(3);
  for (const [index, sleep] of clock.sleeps.entries()) {
    const wait = 500 * 2 ** index;
    expect(sleep).toBeGreaterThanOrEqual(wait * 0.75);
    expect(sleep).toBeLessThanOrEqual(wait * 1.25);
  }
});

test('a Retry-After of the storage that is shorter than the back-off does not shorten it', async () => {
  const registry = await start(['one'], ({ kind, host }) => {
    if (kind !== 'blob') return undefined;
    if (host.startsWith('127.')) return { kind: 'redirect-elsewhere' };
    return { kind: 'status', status: 503, headers: { 'retry-after': '0.2' } };
  });
  const retry = { attempts: 2, delayMs: 5000, maxDelayMs: 60_000 };
  const { clock } = await mirrorOf(registry)({ tags: ['one'] }, { retry });
  expect(clock.sleeps.every((sleep) => sleep >= 3750)).toBe(true);
});

test('after a 429 to each HEAD of 300 known tags, six HEADs follow those that were on their way', async () => {
  const registry = await start(MANY);
  const sync = mirrorOf(registry);
  await sync();
  registry.misbehave(always(429));
  const { sentences, requests } = await sync();
  expect(sentences).toEqual([tooMany(registry.host, 'HEADs')]);
  // The requests are the list, as many HEADs as are sent at once, and six more.
  expect(requests.length).toBeLessThanOrEqual(1 + DEFAULT_CONCURRENCY + 6);
});

test('a 429 to manifest GETs alone does not affect the tags that a HEAD finds unchanged', async () => {
  const known = MANY.slice(0, 150);
  const registry = await start(MANY);
  const sync = mirrorOf(registry);
  await sync({ tags: known });
  registry.misbehave(({ kind, method }) =>
    kind === 'manifest' && method === 'GET' ? { kind: 'status', status: 429 } : undefined,
  );
  const { outcomes, sentences, requests } = await sync({ tags: MANY });
  expect(Object.keys(outcomes)).toHaveLength(150);
  expect(sentences).toEqual([tooMany(registry.host, 'manifest GETs')]);
  expect(requests.filter(({ method }) => method === 'GET')).toHaveLength(7);
  expect(requests.filter(({ method }) => method === 'HEAD')).toHaveLength(150);
});

test('one tag that is always refused does not affect the others', async () => {
  const registry = await start(MANY, ({ reference }) =>
    reference === 't7' ? { kind: 'status', status: 429 } : undefined,
  );
  const { outcomes } = await mirrorOf(registry)({ tags: MANY });
  const failed = Object.entries(outcomes).filter(([, outcome]) => outcome !== 'created');
  expect(failed).toEqual([
    [
      'mirror.test/app:t7',
      `${registry.host}/team/app: the registry answered 429 to GET manifests/t7: "told to answer 429". Its rate limit is reached; later runs go on where this one stopped.`,
    ],
  ]);
});

test('all tags are mirrored when a registry refuses for a while only', async () => {
  let refused = 0;
  const registry = await start(MANY, ({ kind }) => {
    if (kind !== 'manifest') return undefined;
    refused += 1;
    return refused <= 6 ? { kind: 'status', status: 429 } : undefined;
  });
  const { sentences, requests } = await mirrorOf(registry)({ tags: MANY });
  expect(sentences).toEqual(['created']);
  expect(requests.filter(({ kind }) => kind === 'manifest')).toHaveLength(306);
});

test('a registry that always answers 503 gets ten requests for 300 tags, and causes one sentence', async () => {
  const registry = await start(MANY, always(503));
  const { sentences, requests } = await mirrorOf(registry)({ tags: MANY });
  expect(sentences).toEqual([
    `${registry.host} answered 503 to 10 manifest GETs of team/app in a row. ${NO_MORE}`,
  ]);
  expect(requests).toHaveLength(10);
});

/** Mirrors two repositories of one registry one after the other, because of a budget. `isRefused` says which are always refused. */
async function syncInTurn(isRefused: (path: string) => boolean, status: number) {
  const app = await appWith(MANY.slice(0, 20));
  const paths = ['bad/app', 'good/app'];
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map(paths.map((path) => [path, app])) },
    misbehave: ({ kind, repository }) =>
      kind === 'manifest' && isRefused(repository) ? { kind: 'status', status } : undefined,
  });
  registries.push(registry);
  const budget = { keepRemaining: undefined, manifestGetsPerRun: 1000 };
  const clock = new TestClock();
  const client = await registryAt(registry.host, { clock, budget, timeoutMs: 30_000, retry: DEFAULT_RETRY });
  const images = paths.map((path) =>
    imageOf(new RegistrySource(client, path), `mirror.test/${path}`, {
      tags: MANY.slice(0, 20),
      referrersEveryMs: false,
    }),
  );
  const outcomes = outcomesOf(await runMirror(environmentFor(new MemoryStore()), 'default', images));
  const sentences = (path: string): string[] => {
    const own = Object.entries(outcomes).filter(([name]) => name.startsWith(`mirror.test/${path}:`));
    return [...new Set(own.map(([, outcome]) => outcome))];
  };
  const count = (path: string): number =>
    registry.requests.filter(({ kind, repository }) => kind === 'manifest' && repository === path).length;
  return { host: registry.host, sentences, count };
}

test.each([
  [429, 7, ': its rate limit is reached'],
  [503, 10, ''],
])(
  'a registry that always answers %i for one repository does not affect another one',
  async (status, most, why) => {
    const { host, sentences, count } = await syncInTurn((path) => path === 'bad/app', status);
    expect(sentences('good/app')).toEqual(['created']);
    expect(count('bad/app')).toBe(most);
    expect(sentences('bad/app')).toContain(
      `${host} answered ${status} to ${most} manifest GETs of bad/app in a row${why}. ${NO_MORE}`,
    );
  },
);

test('when two repositories always get 429, one request of the second shows that the registry refuses', async () => {
  const { host, sentences, count } = await syncInTurn(() => true, 429);
  expect([count('bad/app'), count('good/app')]).toEqual([7, 1]);
  expect(sentences('good/app')).toEqual([
    `${host} answered 429 to 8 manifest GETs in a row: its rate limit is reached. ${NO_MORE}`,
  ]);
});

test('a 429 that arrives after the answer to a later request is waited for too', async () => {
  const answers = new Map<string, () => void>();
  const manifest = Buffer.from('{"schemaVersion":2}');
  let late = 0;
  let quick = 0;
  const httpClient = fakeHttpClient(async (url) => {
    const tag = url.split('/').at(-1) ?? '';
    if (tag === 'late') {
      late += 1;
      if (late === 1) await new Promise<void>((resolve) => answers.set(tag, resolve));
      if (late <= 2) return new Response(null, { status: 429 });
    }
    if (tag === 'quick') {
      quick += 1;
      if (quick === 1) return new Response(null, { status: 429 });
    }
    return new Response(manifest);
  });
  const clock = new TestClock();
  const client = await registryAt('registry.test', { httpClient, clock, retry: DEFAULT_RETRY });
  const source = new RegistrySource(client, 'team/app');
  await source.manifest(parseTag('first'));
  const waiting = source.manifest(parseTag('late'));
  await expect.poll(() => answers.has('late')).toBe(true);
  await source.manifest(parseTag('quick'));
  expect(clock.sleeps).toHaveLength(1);
  answers.get('late')?.();
  await waiting;
  // The late request waits once by itself, and once for the refusal that follows.
  expect([late, clock.sleeps.length]).toEqual([3, 3]);
  for (const sleep of clock.sleeps) expect(sleep).toBeGreaterThanOrEqual(375);
});

test('a run that is stopped while all requests wait ends at once', async () => {
  const stop = new AbortController();
  const registry = await start(MANY, always(429));
  const clock = new TestClock();
  clock.sleep = async (_milliseconds, signal) => {
    stop.abort(new Error('stopped'));
    signal.throwIfAborted();
  };
  const client = await registryAt(registry.host, { clock, signal: stop.signal, retry: DEFAULT_RETRY });
  const source = new RegistrySource(client, 'team/app');
  const image = imageOf(source, 'mirror.test/app', { tags: MANY });
  const environment = environmentFor(new MemoryStore(), { signal: stop.signal });
  const { counts } = await runMirror(environment, 'default', [image]);
  expect([counts.failed, counts.skipped, registry.requests.length]).toEqual([0, 300, 1]);
});
