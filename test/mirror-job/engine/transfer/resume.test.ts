/** A blob whose connection breaks is continued where it broke, as long as it makes progress. */
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { resumed } from '../../../../mirror-job/engine/transfer/resume.ts';
import { SkippedError } from '../../../../mirror-job/engine/support/skipped-error.ts';
import { SourceError } from '../../../../mirror-job/engine/source.ts';
import { bytesOf, digestOfBlob, emptyRepository, randomBlob } from '../../../support/content.ts';
import { addImage, addStreamedLayer, tagAs } from '../../../support/builder.ts';
import { startRogueRegistry } from '../../../support/rogue-registry.ts';
import type { Misbehaviour } from '../../../support/misbehaviour.ts';
import { fakeHttpClient } from '../../sources/registry/fake-http-client.ts';
import { sourceAt } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';

/** The number of bytes that counts as progress. */
const STEP = 64 * 1024;
const SIZE = 10 * STEP;
const blob = randomBlob('resume', SIZE);
const digest = parseDigest(await digestOfBlob(blob));
const bytes = await bytesOf(blob);
const { signal } = new AbortController();

/** A source whose nth body breaks after so many bytes; the last number is for all that follow. */
function breakingAfter(...lengths: readonly number[]): MemorySource {
  const source = new MemorySource('source.test/app', emptyRepository());
  let bodies = 0;
  source.open = async function* open(_digest, offset) {
    const length = lengths[Math.min(bodies, lengths.length - 1)] ?? SIZE;
    bodies += 1;
    yield bytes.subarray(offset, offset + length);
    if (offset + length < SIZE) throw new SourceError(`it broke at ${offset + length}.`);
  };
  return source;
}

async function read(source: MemorySource): Promise<Buffer> {
  const body = resumed(source, { digest, size: SIZE }, signal);
  return bytesOf({ size: SIZE, open: () => body });
}

async function* breakingAtItsEnd(all = bytes): AsyncGenerator<Uint8Array> {
  yield all;
  throw new SourceError('it broke at the end.');
}

const offsets = ({ calls }: MemorySource) => calls.map((call) => Number(call.split(' ')[2]));

test('a blob is continued where it broke', async () => {
  const source = breakingAfter(400, 1, 300, SIZE);
  expect((await read(source)).equals(bytes)).toBe(true);
  expect(offsets(source)).toEqual([0, 400, 401, 701]);
});

test('the attempts of a blob are counted anew after progress', async () => {
  const source = breakingAfter(STEP, 0, 0, STEP, 0, 0, STEP, 0, 0, SIZE);
  expect((await read(source)).equals(bytes)).toBe(true);
  expect(offsets(source)).toEqual([
    0,
    STEP,
    STEP,
    STEP,
    2 * STEP,
    2 * STEP,
    2 * STEP,
    3 * STEP,
    3 * STEP,
    3 * STEP,
  ]);
});

test('a few bytes at a time do not count as progress', async () => {
  const source = breakingAfter(STEP - 1);
  await expect(read(source)).rejects.toThrow(`it broke at ${4 * (STEP - 1)}.`);
  expect(offsets(source)).toHaveLength(4);
});

test('a blob without progress fails', async () => {
  const source = breakingAfter(100, 0);
  await expect(read(source)).rejects.toThrow('it broke at 100.');
  expect(offsets(source)).toEqual([0, 100, 100, 100]);
});

test('a body that breaks before its first byte is asked for again, and a request that failed is not', async () => {
  const source = breakingAfter(0, 0, SIZE);
  expect((await read(source)).equals(bytes)).toBe(true);
  expect(offsets(source)).toEqual([0, 0, 0]);

  const refusing = new MemorySource('source.test/app', emptyRepository());
  refusing.before = () => {
    throw new SourceError('refused, each time');
  };
  await expect(read(refusing)).rejects.toThrow('refused, each time');
  expect(offsets(refusing)).toEqual([0]);
});

test('a blob that upstream lacks is not asked for again', async () => {
  const source = new MemorySource('source.test/app', emptyRepository());
  await expect(read(source)).rejects.toThrow(`source.test/app has no blob ${digest}.`);
  expect(offsets(source)).toEqual([0]);
});

test('a blob that is left for the next run is not asked for again', async () => {
  const source = new MemorySource('source.test/app', emptyRepository());
  source.open = (_, offset) => {
    if (offset > 0) throw new SkippedError('the budget is used up.');
    return breakingAtItsEnd(bytes.subarray(0, 100));
  };
  await expect(read(source)).rejects.toThrow('the budget is used up.');
  expect(offsets(source)).toEqual([0, 100]);
});

test('nothing more is asked for after a body that breaks after its last byte', async () => {
  const source = new MemorySource('source.test/app', emptyRepository());
  source.open = () => breakingAtItsEnd();
  await expect(read(source)).rejects.toThrow('it broke at the end.');
  expect(offsets(source)).toEqual([0]);
});

test('a blob is not continued in a run that has to stop', async () => {
  const stop = new AbortController();
  const source = breakingAfter(400, SIZE);
  source.before = (_call, what) => {
    if (what.endsWith(' 400')) stop.abort(new Error('stopped by SIGTERM'));
  };
  const body = resumed(source, { digest, size: SIZE }, stop.signal);
  await expect(bytesOf({ size: SIZE, open: () => body })).rejects.toThrow('stopped by SIGTERM');
});

const app = emptyRepository();
const layer = await addStreamedLayer(app, 'layer', 5000);
tagAs(app, addImage(app, { layers: [layer] }), 'one');

test.each<[string, Misbehaviour | undefined]>([
  ['honours the range', undefined],
  ['sends the whole again', { kind: 'status', status: 200 }],
])('a blob whose connection broke is whole from a registry that %s', async (_name, second) => {
  const all = await bytesOf(app.blobs.get(layer.digest) ?? blob);
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/app', app]]) },
    misbehave: ({ reference, nth }) => {
      if (reference !== layer.digest) return undefined;
      if (nth === 0) return { kind: 'close', after: 1234 };
      return second === undefined
        ? undefined
        : { kind: 'manifest', bytes: all, mediaType: 'application/octet-stream' };
    },
  });
  try {
    const source = await sourceAt(registry.host, 'team/app');
    const expected = { digest: parseDigest(layer.digest), size: layer.size };
    const body = resumed(source, expected, signal);
    expect(await digestOfBlob({ size: layer.size, open: () => body })).toBe(layer.digest);
    expect(registry.requests.map(({ headers }) => headers.range)).toEqual([
      undefined,
      `bytes=1234-${layer.size - 1}`,
    ]);
  } finally {
    await registry.stop();
  }
});

test('an answer with another range than was asked for is an error', async () => {
  const source = await sourceAt('registry.test', 'team/app', {
    httpClient: fakeHttpClient((_url, headers) =>
      headers['Range'] === undefined
        ? new Response('never asked')
        : new Response('x', { status: 206, headers: { 'content-range': 'bytes 600-999/1000' } }),
    ),
  });
  await expect(source.blob(digest, SIZE, 500)).rejects.toThrow(
    `registry.test/team/app: the job asked for blob ${digest} from byte 500 on, and the registry sent another range.`,
  );
});

test('a slow body that makes progress is one request', async () => {
  const timeoutMs = 300;
  let requests = 0;
  const source = await sourceAt('registry.test', 'team/app', {
    timeoutMs,
    httpClient: async () => {
      requests += 1;
      const connection = new AbortController();
      const body = slowly(connection.signal);
      return { status: 200, headers: new Headers(), body, discard: () => connection.abort() };
    },
  });
  const begun = performance.now();
  const body = resumed(source, { digest, size: SIZE }, signal);
  expect((await bytesOf({ size: SIZE, open: () => body })).equals(bytes)).toBe(true);
  expect(requests).toBe(1);
  // This is longer than the limit for hardly any bytes.
  expect(performance.now() - begun).toBeGreaterThan(4 * timeoutMs);
});

/** Sends half of the bytes that are progress each time, with silences below the limit. */
async function* slowly(connection: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < SIZE; start += STEP / 2) {
    await setTimeout(75, undefined, { signal: connection });
    yield bytes.slice(start, start + STEP / 2);
  }
}
