/** A blob appears whole or not at all, and its buffers are released in either case. */
import { describe, expect, test } from 'vitest';
import { BufferPool } from '../../../../mirror-job/engine/transfer/buffer-pool.ts';
import { DEFAULT_LIMITS } from '../../../../mirror-job/engine/runtime.ts';
import { UploadLostError } from '../../../../mirror-job/engine/store/store.ts';
import { partSizeFor, uploadBlob } from '../../../../mirror-job/engine/transfer/upload.ts';
import { bytesOf, digestOf, digestOfBlob, randomBlob } from '../../../support/content.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const MEBIBYTE = 1024 * 1024;
const PART = MEBIBYTE;
const POOL = 3 * PART;
const BYTES = await bytesOf(randomBlob('upload', 7 * PART));

function setUp() {
  const store = new MemoryStore();
  const buffers = new BufferPool(POOL, PART);
  const logged: string[] = [];
  const log = { info: (text: string) => logged.push(text), warn: (text: string) => logged.push(text) };
  const environment = { store, buffers, log, limits: { ...DEFAULT_LIMITS, partBytes: PART } };
  return { store, buffers, logged, environment };
}

type SetUp = ReturnType<typeof setUp>;

function upload({ environment }: SetUp, size: number, body: AsyncIterable<Uint8Array>): Promise<void> {
  return uploadBlob(environment, 'blobs/x', size, body, 'application/octet-stream');
}

async function* chunksOf(size: number, chunk: number, last?: Error): AsyncGenerator<Uint8Array> {
  const bytes = BYTES.subarray(0, size);
  for (let start = 0; start < size; start += chunk) {
    await Promise.resolve();
    yield bytes.subarray(start, start + chunk);
  }
  if (last !== undefined) throw last;
}

/** Expects that the whole pool is free, so that a request for all of it does not wait. */
async function expectAllGivenBack(buffers: BufferPool): Promise<void> {
  let taken = false;
  const whole = buffers.take(POOL).then(() => (taken = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(taken).toBe(true);
  await whole;
}

const callsWithout = (store: MemoryStore) => store.calls.map((call) => call.replace('blobs/x', '').trim());

describe.each([4093, PART - 1, PART, PART + 1, 5 * PART])('in chunks of %i bytes', (chunk) => {
  test.each([
    [0, 1],
    [1, 1],
    [PART, 1],
    [PART + 1, 2],
    [3 * PART, 3],
    [7 * PART - 1, 7],
  ])('%i bytes are %i writes', async (size, writes) => {
    const all = setUp();
    await upload(all, size, chunksOf(size, chunk));
    const stored = all.store.objects.get('blobs/x');
    expect(digestOf(stored?.bytes ?? BYTES)).toBe(digestOf(BYTES.subarray(0, size)));
    expect(stored?.contentType).toBe('application/octet-stream');
    const parts = Array.from({ length: writes }, (_, index) => `putPart  ${index + 1}`);
    expect(callsWithout(all.store)).toEqual(
      writes === 1 ? ['put'] : ['beginUpload', ...parts, 'completeUpload'],
    );
    await expectAllGivenBack(all.buffers);
  });
});

test.each([
  ['one PUT', PART, ['']],
  ['parts', 4 * PART, ['beginUpload', 'putPart  1', 'putPart  2', 'putPart  3', 'abortUpload']],
])('a stream that throws at its end, uploaded in %s, completes nothing', async (_name, size, calls) => {
  const all = setUp();
  const error = new Error('other bytes than asked for');
  await expect(upload(all, size, chunksOf(size, 300_000, error))).rejects.toBe(error);
  expect(callsWithout(all.store)).toEqual(calls[0] === '' ? [] : calls);
  expect([all.store.objects.size, all.store.uploads.size]).toEqual([0, 0]);
  await expectAllGivenBack(all.buffers);
});

test.each([1, 2, 3, 4])('an upload is aborted when the store fails at part %i', async (part) => {
  const all = setUp();
  const error = new Error(`no part ${part}`);
  all.store.before = (call, key) => {
    if (call === 'putPart' && key === `blobs/x ${part}`) throw error;
  };
  await expect(upload(all, 4 * PART, chunksOf(4 * PART, 300_000))).rejects.toBe(error);
  expect(callsWithout(all.store).filter((call) => call.endsWith('Upload'))).toEqual([
    'beginUpload',
    'abortUpload',
  ]);
  expect([all.store.objects.size, all.store.uploads.size]).toEqual([0, 0]);
  await expectAllGivenBack(all.buffers);
});

test('an upload is aborted when the store fails at completing it', async () => {
  const all = setUp();
  all.store.before = (call) => {
    if (call === 'completeUpload') throw new Error('not now');
  };
  await expect(upload(all, 2 * PART, chunksOf(2 * PART, 300_000))).rejects.toThrow('not now');
  expect([all.store.objects.size, all.store.uploads.size]).toEqual([0, 0]);
});

test('an upload that cannot be aborted either is left to a later run, and a message says so', async () => {
  const all = setUp();
  all.store.before = (call) => {
    if (call === 'putPart' || call === 'abortUpload') throw new Error(`no ${call}`);
  };
  await expect(upload(all, 2 * PART, chunksOf(2 * PART, 300_000))).rejects.toThrow('no putPart');
  expect(all.logged).toEqual([
    'An upload to blobs/x could not be aborted; a later run will do it. Error: no abortUpload',
  ]);
});

test.each(['putPart', 'completeUpload'])(
  'an upload that another run made useless (%s) succeeds, because the blob of that run is there',
  async (lost) => {
    const all = setUp();
    all.store.before = async (call) => {
      if (call !== lost) return;
      all.store.before = () => {};
      await all.store.put('blobs/x', BYTES.subarray(0, 2 * PART), { contentType: 'their/type' });
      throw new UploadLostError('gone');
    };
    await upload(all, 2 * PART, chunksOf(2 * PART, 300_000));
    expect(all.store.objects.get('blobs/x')?.contentType).toBe('their/type');
    await expectAllGivenBack(all.buffers);
  },
);

test('an upload that was lost without the blob is a failure', async () => {
  const all = setUp();
  all.store.before = (call) => {
    if (call === 'putPart') throw new UploadLostError('gone');
  };
  await expect(upload(all, 2 * PART, chunksOf(2 * PART, 300_000))).rejects.toThrow('gone');
});

test('many uploads at once share a pool that is smaller than most of them, and all come through', async () => {
  const all = setUp();
  const sizes = Array.from({ length: 12 }, (_, index) => (index + 1) * 900_000);
  await Promise.all(
    sizes.map((size, index) =>
      uploadBlob(all.environment, `blobs/${index}`, size, randomBlob(`${index}`, size).open(), 'a/b'),
    ),
  );
  for (const [index, size] of sizes.entries()) {
    const bytes = all.store.objects.get(`blobs/${index}`)?.bytes;
    expect(digestOf(bytes ?? BYTES)).toBe(await digestOfBlob(randomBlob(`${index}`, size)));
  }
  await expectAllGivenBack(all.buffers);
});

test.each([
  [9 * MEBIBYTE, 8, 8],
  [70 * 1024 * MEBIBYTE, 8, 8],
  [71 * 1024 * MEBIBYTE, 8, 9],
  [5 * 1024 * 1024 * MEBIBYTE, 8, 583],
])('a blob of %i bytes has fewer than 10,000 parts, which S3 takes', (size, configured, expected) => {
  expect(partSizeFor(size, configured * MEBIBYTE)).toBe(expected * MEBIBYTE);
  expect(size / (expected * MEBIBYTE)).toBeLessThan(10_000);
});
