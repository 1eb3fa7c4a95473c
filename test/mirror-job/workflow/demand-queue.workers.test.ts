/** The queue's consumer when something fails: messages that can be worked on later come again, and the others are dropped. */
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CONFIGURATION_KEY, IDENTITY_KEY, LAYOUT_VERSION, stateKey } from '../../../core/layout.ts';
import { encodeIdentity } from '../../../core/identity.ts';
import { takeMisses } from '../../../mirror-job/workflow/demand-queue.ts';

const LIST = stateKey('default', 'demanded.json');
const CONFIGURATION = `
store: { endpoint: 'https://unused.invalid', bucket: unused }
onDemand: [docker.io/library/*]
`;

let warnings: string[];

beforeEach(async () => {
  await env.BUCKET.put(CONFIGURATION_KEY, CONFIGURATION);
  await env.BUCKET.put(
    IDENTITY_KEY,
    encodeIdentity({ version: LAYOUT_VERSION, id: crypto.randomUUID(), audience: 'public' }),
  );
  warnings = [];
  vi.spyOn(console, 'warn').mockImplementation((text: unknown) => warnings.push(String(text)));
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

afterEach(async () => {
  vi.restoreAllMocks();
  const { objects } = await env.BUCKET.list();
  for (const { key } of objects) await env.BUCKET.delete(key);
});

/** A batch that remembers what became of each message. */
function batchOf(...bodies: readonly unknown[]) {
  const fates = bodies.map(() => 'none');
  const all = (fate: string) => () => fates.fill(fate);
  const messages = bodies.map((body, index) => ({
    id: String(index),
    timestamp: new Date(),
    body,
    attempts: 1,
    ack: () => (fates[index] = 'ack'),
    retry: () => (fates[index] = 'retry'),
  }));
  const batch = { messages, queue: 'misses', metadata: {}, ackAll: all('ack'), retryAll: all('retry') };
  return { batch, fates };
}

/** @returns what a workflow says of an instance that was never begun */
async function unknownInstance(): Promise<never> {
  throw new Error('instance.not_found');
}

async function refuse(): Promise<never> {
  throw new Error('Too many instances.');
}

/** Instances that are begun here do not run: what matters is what the consumer does around them. */
function bindings(create: (options: { readonly params: unknown }) => Promise<unknown>) {
  return { BUCKET: env.BUCKET, DEMAND: { create, get: unknownInstance } };
}

async function list(): Promise<unknown> {
  const object = await env.BUCKET.get(LIST);
  return object === null ? undefined : object.json();
}

const MISS = { reference: 'docker.io/library/nginx:1' };

test('what is allowed is begun with the name of the configuration, and every message is done', async () => {
  const begun: unknown[] = [];
  const { batch, fates } = batchOf(MISS, { reference: 'quay.io/a/b:1' }, MISS, 'text');
  await takeMisses(
    batch,
    bindings(async ({ params }) => begun.push(params)),
  );
  expect(fates).toEqual(['ack', 'ack', 'ack', 'ack']);
  expect(begun).toEqual([
    { run: expect.any(String), name: 'default', references: ['docker.io/library/nginx:1'] },
  ]);
  expect(await list()).toMatchObject({
    images: [{ reference: 'docker.io/library/nginx:1', instance: expect.stringMatching(/^demand-/) }],
  });
});

test('if no instance can be begun, its messages come again, and the list forgets them', async () => {
  const { batch, fates } = batchOf(MISS, { reference: 'quay.io/a/b:1' });
  await takeMisses(batch, bindings(refuse));
  expect(fates).toEqual(['retry', 'ack']);
  expect(await list()).toMatchObject({ images: [] });
  expect(warnings).toEqual(['1 image could not be begun on demand: Too many instances.']);

  const begun: unknown[] = [];
  const again = batchOf(MISS);
  await takeMisses(
    again.batch,
    bindings(async ({ params }) => begun.push(params)),
  );
  expect(again.fates).toEqual(['ack']);
  expect(begun).toHaveLength(1);
});

test('a claim whose instance was never begun is claimed again when the message comes again', async () => {
  const stored = {
    version: 1,
    images: [{ ...MISS, asked: new Date().toISOString(), instance: 'demand-never-begun' }],
  };
  await env.BUCKET.put(LIST, JSON.stringify(stored));
  const begun: unknown[] = [];
  const { batch, fates } = batchOf(MISS);
  await takeMisses(
    batch,
    bindings(async ({ params }) => begun.push(params)),
  );
  expect(fates).toEqual(['ack']);
  expect(begun).toHaveLength(1);
});

test('more than fifty at once wait in the queue', async () => {
  const misses = Array.from({ length: 60 }, (_, number) => ({
    reference: `docker.io/library/app-${number}:1`,
  }));
  const { batch, fates } = batchOf(...misses);
  await takeMisses(
    batch,
    bindings(async () => {}),
  );
  expect(fates.filter((fate) => fate === 'ack')).toHaveLength(50);
  expect(fates.slice(50)).toEqual(Array.from({ length: 10 }, () => 'retry'));
});

test.for<readonly [string, () => Promise<unknown>, RegExp]>([
  [
    'a configuration that cannot be used',
    () => env.BUCKET.put(CONFIGURATION_KEY, 'images: ['),
    /^Misses of the edge were not looked at: state\/_config\/lifeboat\.yaml:1: /,
  ],
  [
    'no configuration',
    () => env.BUCKET.delete(CONFIGURATION_KEY),
    /has no such object\. Put your lifeboat\.yaml there\./,
  ],
  [
    'a configuration without onDemand',
    () => env.BUCKET.put(CONFIGURATION_KEY, CONFIGURATION.replace(/onDemand.*/, 'images: [alpine:3]')),
    /^The edge sends what it lacks, but lifeboat\.yaml has no onDemand\./,
  ],
  [
    'a bucket that no run has opened yet',
    () => env.BUCKET.delete(IDENTITY_KEY),
    /^Misses of the edge were not looked at: /,
  ],
  [
    'a list that cannot be read',
    () => env.BUCKET.put(LIST, 'text'),
    /state\/default\/demanded\.json cannot be used: it is not JSON\./,
  ],
])('the log has a sentence, and the messages are dropped, for %s', async ([, spoil, sentence]) => {
  await spoil();
  const { batch, fates } = batchOf(MISS, MISS);
  const begun: unknown[] = [];
  await takeMisses(
    batch,
    bindings(async (options) => begun.push(options)),
  );
  expect(fates).toEqual(['ack', 'ack']);
  expect(begun).toEqual([]);
  expect(warnings.join('\n')).toMatch(sentence);
});

test('a store that fails lets all messages come again', async () => {
  const failing = new Proxy(env.BUCKET, {
    get(target, name) {
      if (name !== 'get') return Reflect.get(target, name);
      return async () => {
        throw new Error('It is down.');
      };
    },
  });
  const { batch, fates } = batchOf(MISS);
  vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 1000 });
  await takeMisses(batch, { ...bindings(async () => {}), BUCKET: failing });
  vi.useRealTimers();
  expect(fates).toEqual(['retry']);
  expect(warnings.at(-1)).toMatch(/^Misses of the edge were not looked at: .*It is down\./);
});
