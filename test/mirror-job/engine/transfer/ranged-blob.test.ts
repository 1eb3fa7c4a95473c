/** A large blob is fetched in ranges over several connections, each byte once, and never stored wrong. */
import { afterEach, expect, test } from 'vitest';
import { parseDescriptor } from '../../../../core/descriptor.ts';
import { parseRepository } from '../../../../core/reference.ts';
import { BlobCopier } from '../../../../mirror-job/engine/copy/blob-copy.ts';
import { BufferPool } from '../../../../mirror-job/engine/transfer/buffer-pool.ts';
import { FairShare } from '../../../../mirror-job/engine/support/fair-share.ts';
import { PROGRESS_BYTES } from '../../../../mirror-job/engine/transfer/resume.ts';
import { SourceError, type RangeAnswer } from '../../../../mirror-job/engine/source.ts';
import { addStreamedLayer, type Descriptor } from '../../../support/builder.ts';
import { digestOf, emptyRepository, type Repository } from '../../../support/content.ts';
import type { Misbehaviour } from '../../../support/misbehaviour.ts';
import type { RegistryRequest } from '../../../support/registry-request.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import { environmentFor, sourceAt } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const PART = 1024 * 1024;
const app = emptyRepository();
/** Six parts. */
const layer = await addStreamedLayer(app, 'large', 5 * PART + 1234);
const SIZE = layer.size;
/** Long, because nothing hangs here and a busy machine is slow. */
const PATIENT = { timeoutMs: 10_000 };
const REPOSITORY = parseRepository('mirror.test/app');

const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

function setUp({ parts = 8, signal = new AbortController().signal } = {}) {
  const store = new MemoryStore();
  const environment = {
    ...environmentFor(store, {
      signal,
      limits: { partBytes: PART, rangesFromBytes: 2 * PART, rangesAtOnce: 3 },
    }),
    buffers: new BufferPool(parts * PART, PART),
  };
  const copier = new BlobCopier(environment, new FairShare(6));
  return { store, environment, copier, pool: parts * PART };
}

type SetUp = ReturnType<typeof setUp>;

async function serve(misbehave: (request: RegistryRequest) => Misbehaviour | undefined = () => undefined) {
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/app', app]]) },
    misbehave,
  });
  registries.push(registry);
  return { registry, source: await sourceAt(registry.host, 'team/app', PATIENT) };
}

const descriptorOf = (one: Descriptor) => parseDescriptor(one, 'a layer');

/** @returns `<first>-<last>` of each request, sorted, and `all` for one without a range */
const rangesOf = ({ requests }: Pick<RogueRegistry, 'requests'>) =>
  requests
    .map(({ headers }) => headers.range?.replace('bytes=', '') ?? 'all')
    .toSorted((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10));

const PARTITION = [
  `0-${PART - 1}`,
  `${PART}-${2 * PART - 1}`,
  `${2 * PART}-${3 * PART - 1}`,
  `${3 * PART}-${4 * PART - 1}`,
  `${4 * PART}-${5 * PART - 1}`,
  `${5 * PART}-${SIZE - 1}`,
];

async function expectStored({ store, environment, pool }: SetUp, one: Descriptor = layer): Promise<void> {
  const bytes = store.objects.get(`blobs/${one.digest.replace(':', '/')}`)?.bytes;
  expect(bytes === undefined ? 'absent' : digestOf(bytes)).toBe(one.digest);
  await expectAllGivenBack(environment.buffers, pool);
}

async function expectNothing({ store, environment, pool }: SetUp): Promise<void> {
  expect([store.objects.size, store.uploads.size]).toEqual([0, 0]);
  await expectAllGivenBack(environment.buffers, pool);
}

async function expectAllGivenBack(buffers: BufferPool, pool: number): Promise<void> {
  let isTaken = false;
  const whole = buffers.take(pool).then((buffer) => {
    isTaken = true;
    return buffer;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isTaken).toBe(true);
  (await whole).release();
}

test('each byte of a large blob is asked for once, and counted once', async () => {
  const all = setUp();
  const { registry, source } = await serve();
  await all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally);
  await expectStored(all);
  expect(rangesOf(registry)).toEqual(PARTITION);
  expect(all.environment.tally.counts.bytes).toBe(SIZE);
  expect(source.requests.blobGets).toBe(6);
});

test('a blob that is too small for ranges is one request', async () => {
  const all = setUp();
  const small = await addStreamedLayer(app, 'small', 2 * PART - 10_000);
  const { registry, source } = await serve();
  await all.copier.ensure(REPOSITORY, descriptorOf(small), source, all.environment.tally);
  await expectStored(all, small);
  expect(rangesOf(registry)).toEqual(['all']);
});

test('storage on another host is asked for the same ranges', async () => {
  const all = setUp();
  const { registry, source } = await serve(() => ({ kind: 'redirect-elsewhere' }));
  await all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally);
  await expectStored(all);
  const requests = registry.requests.filter(({ host }) => host === registry.elsewhere);
  expect(rangesOf({ requests })).toEqual(PARTITION);
});

test('a registry that answers the first range with the whole blob is asked no further range', async () => {
  const all = setUp();
  const blob = app.blobs.get(layer.digest);
  const chunks: Uint8Array[] = [];
  for await (const chunk of blob?.open() ?? []) chunks.push(chunk);
  const { registry, source } = await serve(() => ({
    kind: 'manifest',
    bytes: Buffer.concat(chunks),
    mediaType: 'application/octet-stream',
  }));
  await all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally);
  await expectStored(all);
  expect(rangesOf(registry)).toEqual([`0-${PART - 1}`]);
  expect(all.environment.tally.counts.bytes).toBe(SIZE);
});

test.each([400, 403, 405, 416, 501])(
  'a registry that answers ranges with %i is asked for one stream',
  async (status) => {
    const all = setUp();
    const { registry, source } = await serve(({ headers }) =>
      headers.range === undefined ? undefined : { kind: 'status', status },
    );
    await all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally);
    await expectStored(all);
    expect(registry.requests.map(({ headers }) => headers.range)).toEqual([`bytes=0-${PART - 1}`, undefined]);
  },
);

test('a registry that refuses a later range is asked for the rest in one stream', async () => {
  const all = setUp();
  const { registry, source } = await serve(({ headers }) =>
    headers.range === `bytes=${PARTITION[3]}` ? { kind: 'status', status: 416 } : undefined,
  );
  await all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally);
  await expectStored(all);
  const asked = rangesOf(registry);
  expect(asked).toContain(`${3 * PART}-${SIZE - 1}`);
  expect(asked.slice(0, 3)).toEqual(PARTITION.slice(0, 3));
});

test('a range that is cut goes on where it broke', async () => {
  const all = setUp();
  const { registry, source } = await serve(({ headers }) =>
    headers.range === `bytes=${PARTITION[2]}` ? { kind: 'close', after: 1000 } : undefined,
  );
  await all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally);
  await expectStored(all);
  expect(rangesOf(registry)).toEqual(PARTITION.toSpliced(3, 0, `${2 * PART + 1000}-${3 * PART - 1}`));
  expect(all.environment.tally.counts.bytes).toBe(SIZE);
});

test('a registry that closes each connection after 300 kB is read to the end', async () => {
  const all = setUp();
  const { registry, source } = await serve(() => ({ kind: 'close', after: 300_000 }));
  await all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally);
  await expectStored(all);
  expect(new Set(rangesOf(registry)).size).toBe(registry.requests.length);
  expect(registry.requests.length).toBeGreaterThanOrEqual(5 * 4 + 1);
  expect(all.environment.tally.counts.bytes).toBe(SIZE);
});

test.each([0, 1000])(
  'a range that breaks after %i bytes again and again fails the blob, and leaves nothing',
  async (after) => {
    const all = setUp();
    const { source } = await serve(({ headers }) =>
      headers.range?.endsWith(`-${4 * PART - 1}`) === true ? { kind: 'close', after } : undefined,
    );
    await expect(
      all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally),
    ).rejects.toThrow(`${source.name}: blob ${layer.digest} closed the connection in the middle of a body.`);
    await expectNothing(all);
  },
);

/** Answers each range with only its first bytes. */
class MeanSource extends MemorySource {
  readonly #bytes: number;
  asked = 0;

  constructor(bytes: number) {
    super('source.test/app', app);
    this.#bytes = bytes;
  }

  async range(digest: string, _size: number, start: number, end: number): Promise<RangeAnswer> {
    this.asked += 1;
    const body = this.repository.blobs.get(digest)?.open(start, Math.min(end, start + this.#bytes));
    if (body === undefined) throw new Error('No such blob.');
    return { body, isWhole: false, discard: () => {} };
  }
}

test('a range that ends early is asked for again from there on', async () => {
  const all = setUp();
  const source = new MeanSource(PROGRESS_BYTES);
  await all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally);
  await expectStored(all);
  expect(source.asked).toBe(Math.ceil(SIZE / PROGRESS_BYTES));
});

test.each([0, 1, PROGRESS_BYTES - 1])(
  'ranges of %i bytes are no progress, and fail the blob',
  async (bytes) => {
    const all = setUp();
    const source = new MeanSource(bytes);
    await expect(
      all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally),
    ).rejects.toThrow(
      `source.test/app: blob ${layer.digest}: the registry sent hardly any of the range that was asked for.`,
    );
    await expectNothing(all);
    // Three ranges are fetched at once, and each of them is given up on its own.
    expect(source.asked).toBeLessThanOrEqual(3 * 4);
  },
);

async function* breakingAtOnce(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(0);
  throw new SourceError('it broke.');
}

test('a whole blob in place of a later range is discarded, and the blob is read in one stream', async () => {
  const all = setUp();
  const source = new (class extends MemorySource {
    discarded = 0;
    asked = 0;

    async range(): Promise<RangeAnswer> {
      this.asked += 1;
      const isWhole = this.asked > 1;
      return { body: breakingAtOnce(), isWhole, discard: () => (this.discarded += 1) };
    }
  })('source.test/app', app);
  await all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally);
  await expectStored(all);
  expect(source.discarded).toBe(source.asked - 1);
});

test.each<[string, (request: RegistryRequest) => Misbehaviour | undefined, string]>([
  [
    'other bytes in one range',
    ({ headers }) => (headers.range === `bytes=${PARTITION[4]}` ? { kind: 'wrong-bytes' } : undefined),
    'sent other bytes than asked for: their digest is ',
  ],
  [
    'another size',
    () => ({ kind: 'headers', set: { 'content-range': `bytes 0-${PART - 1}/${SIZE + 1}` } }),
    `has ${SIZE + 1} bytes, but its manifest says ${SIZE}.`,
  ],
  ['no such blob', () => ({ kind: 'status', status: 404 }), `has no blob ${layer.digest}.`],
  [
    'a blob that is gone at its last range',
    ({ headers }) =>
      headers.range === `bytes=${PARTITION[5]}` ? { kind: 'status', status: 404 } : undefined,
    `has no blob ${layer.digest}.`,
  ],
])('%s is an error, and nothing is stored', async (_name, misbehave, message) => {
  const all = setUp();
  const { source } = await serve(misbehave);
  await expect(
    all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally),
  ).rejects.toThrow(message);
  await expectNothing(all);
});

test.each([1, 3, 6])(
  'when a store fails at part %i, the rest is not fetched, and nothing is held',
  async (part) => {
    const all = setUp();
    all.store.before = (call, key) => {
      if (call === 'putPart' && key.endsWith(` ${part}`)) throw new Error(`no part ${part}`);
    };
    const { source } = await serve();
    await expect(
      all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally),
    ).rejects.toThrow(`no part ${part}`);
    await expectNothing(all);
  },
);

test('a run that has to stop holds no buffer', async () => {
  const stop = new AbortController();
  const all = setUp({ signal: stop.signal });
  const { source } = await serve(({ headers }) => {
    if (headers.range === `bytes=${PARTITION[3]}`) stop.abort(new Error('stopped by SIGTERM'));
    return undefined;
  });
  await expect(
    all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally),
  ).rejects.toThrow('stopped by SIGTERM');
  await expectNothing(all);
});

/** Answers a range when the test says so. */
class GatedSource extends MemorySource {
  readonly waiting: { readonly start: number; readonly go: () => void }[] = [];
  atOnce = 0;
  most = 0;

  async range(digest: string, _size: number, start: number, end: number): Promise<RangeAnswer> {
    this.atOnce += 1;
    this.most = Math.max(this.most, this.atOnce);
    await new Promise<void>((go) => {
      this.waiting.push({ start, go });
    });
    this.atOnce -= 1;
    const body = this.repository.blobs.get(digest)?.open(start, end);
    if (body === undefined) throw new Error('No such blob.');
    return { body, isWhole: false, discard: () => {} };
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('no more ranges run at once than allowed, and a slow one does not stop the others at once', async () => {
  const all = setUp();
  const source = new GatedSource('source.test/app', app);
  const copied = all.copier.ensure(REPOSITORY, descriptorOf(layer), source, all.environment.tally);
  await settle();
  // The first request is alone, until its answer shows whether the source knows ranges.
  expect(source.waiting.map(({ start }) => start)).toEqual([0]);
  source.waiting.shift()?.go();
  await settle();
  expect(source.waiting.map(({ start }) => start / PART)).toEqual([1, 2, 3]);
  // The first of them is slow, and the number of ranges ahead of it is bounded.
  for (const late of source.waiting.splice(1)) late.go();
  await settle();
  expect(source.waiting.map(({ start }) => start / PART)).toEqual([1, 4, 5]);
  for (const late of source.waiting.splice(0)) late.go();
  await copied;
  expect(source.most).toBe(3);
  await expectStored(all);
});

test('many blobs at once share a pool that is smaller than any of them, and all are copied', async () => {
  const many: Repository = emptyRepository();
  const sizes = [3, 4, 5, 6, 7, 8].map((parts) => parts * PART + parts);
  const layers: Descriptor[] = [];
  for (const size of sizes) layers.push(await addStreamedLayer(many, `many ${size}`, size));
  const all = setUp({ parts: 2 });
  const registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', many]]) } });
  registries.push(registry);
  const source = await sourceAt(registry.host, 'team/app', PATIENT);
  await Promise.all(
    layers.map((one) => all.copier.ensure(REPOSITORY, descriptorOf(one), source, all.environment.tally)),
  );
  for (const one of layers) await expectStored(all, one);
  expect(registry.requests.length).toBe(4 + 5 + 6 + 7 + 8 + 9);
});
