/** A blob that is too slow to be ever mirrored is given up. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { BlobCopier } from '../../../../mirror-job/engine/copy/blob-copy.ts';
import { FairShare } from '../../../../mirror-job/engine/support/fair-share.ts';
import { Pace } from '../../../../mirror-job/engine/transfer/pace.ts';
import { resumed } from '../../../../mirror-job/engine/transfer/resume.ts';
import { SourceError, type Source } from '../../../../mirror-job/engine/source.ts';
import { parseRepository } from '../../../../core/reference.ts';
import { bytesOf, digestOfBlob, emptyRepository, randomBlob } from '../../../support/content.ts';
import { startRogueRegistry } from '../../../support/rogue-registry.ts';
import { environmentFor, sourceAt, TestClock } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const MINUTE = 60_000;
const LONGEST = 300 * MINUTE;
const MEBIBYTE = 1024 * 1024;
const SIZE = 12 * MEBIBYTE;
const STEP = 128 * 1024;
const blob = randomBlob('pace', SIZE);
const digest = parseDigest(await digestOfBlob(blob));
const bytes = await bytesOf(blob);
const { signal } = new AbortController();

/** Sends so many KiB a minute. @param breaks whether the connection ends after each 128 KiB */
function drippingSource(clock: TestClock, kibibytes: number, breaks = false): MemorySource {
  const source = new MemorySource('source.test/app', emptyRepository());
  source.open = async function* open(_digest, offset) {
    for (let start = offset; start < SIZE; start += STEP) {
      yield* drip(clock, kibibytes, start, start + STEP);
      if (breaks && start + STEP < SIZE) throw new SourceError('it broke.');
    }
  };
  return source;
}

async function* drip(clock: TestClock, kibibytes: number, start: number, end: number) {
  for (let from = start; from < end; from += kibibytes * 1024) {
    clock.advance(MINUTE);
    yield bytes.slice(from, Math.min(from + kibibytes * 1024, end));
  }
}

/** A step that takes no time. */
function sourceAtOnce(): MemorySource {
  const source = new MemorySource('source.test/app', emptyRepository());
  source.open = steps;
  return source;
}

async function* steps() {
  for (let start = 0; start < SIZE; start += STEP) yield bytes.slice(start, start + STEP);
}

async function read(source: MemorySource, clock: TestClock): Promise<Buffer> {
  const pace = new Pace('source.test/app: blob x', SIZE, { clock, longestMs: LONGEST });
  const body = resumed(source, { digest, size: SIZE }, signal, { pace });
  return bytesOf({ size: SIZE, open: () => body });
}

const sentence = (arrived: number, left: number): string =>
  `source.test/app: blob x comes too slowly: ${arrived} bytes in 10 minutes. At this pace the other ${left} bytes would take longer than a run may take (maxDuration).`;

test.each([false, true])(
  'a blob that would take longer than a run ends after ten minutes (connections that break: %j)',
  async (breaks) => {
    const clock = new TestClock();
    const source = drippingSource(clock, 32, breaks);
    // At this pace, 9.4 MiB arrive in five hours.
    await expect(read(source, clock)).rejects.toThrow(sentence(2.5 * STEP, SIZE - 2.5 * STEP));
    expect(source.calls).toHaveLength(breaks ? 3 : 1);
  },
);

test.each([false, true])(
  'a blob that comes just fast enough is read to its end (connections that break: %j)',
  async (breaks) => {
    const clock = new TestClock();
    expect((await read(drippingSource(clock, 64, breaks), clock)).equals(bytes)).toBe(true);
  },
);

test('the least pace falls with the rest of the blob, so one that is slow at its end is still read', async () => {
  const clock = new TestClock();
  const source = new MemorySource('source.test/app', emptyRepository());
  source.open = async function* open() {
    yield bytes.slice(0, SIZE - STEP);
    yield* drip(clock, 2, SIZE - STEP, SIZE);
  };
  expect((await read(source, clock)).equals(bytes)).toBe(true);
});

test('time in which nobody asks for more does not count, because a slow store is not the source’s fault', async () => {
  const clock = new TestClock();
  const pace = new Pace('x', SIZE, { clock, longestMs: LONGEST });
  let length = 0;
  for await (const chunk of resumed(sourceAtOnce(), { digest, size: SIZE }, signal, { pace })) {
    length += chunk.length;
    clock.advance(60 * MINUTE);
  }
  expect(length).toBe(SIZE);
});

test('a blob is not given up because somebody set the clock or the machine slept', async () => {
  const clock = new TestClock();
  const pace = new Pace('x', SIZE, { clock, longestMs: LONGEST });
  await pace.wait(async () => clock.advance(-1000 * MINUTE));
  pace.add(1);
  await pace.wait(async () => clock.advance(480 * MINUTE));
  pace.add(64 * 1024);
  const waitAMinute = async (): Promise<void> => {
    await pace.wait(async () => clock.advance(MINUTE));
    pace.add(1);
  };
  // The jump counts as one minute, and eight more of them are nine.
  for (let minute = 0; minute < 8; minute += 1) await waitAMinute();
  await expect(waitAMinute()).rejects.toThrow('x comes too slowly: 65546 bytes in 10 minutes.');
});

test('time counts from the sending of a request on, not while the job holds it back', async () => {
  const clock = new TestClock();
  /** The times of requests. The job waits before each of them, and the registry before it answers. */
  let sent = 0;
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['app', emptyRepository()]]) },
    misbehave: ({ kind }) => {
      if (kind !== 'blob') return undefined;
      sent += 1;
      clock.advance(MINUTE / 2);
      // Every second request is refused.
      return sent % 2 === 1 ? { kind: 'status', status: 429, headers: { 'Retry-After': '50' } } : undefined;
    },
  });
  try {
    const source = await sourceAt(registry.host, 'app', { clock });
    const pace = new Pace('x', SIZE, { clock, longestMs: LONGEST });
    const ask = async (): Promise<void> => {
      await pace.wait((timed) => source.blob(digest, SIZE, 0, timed));
      pace.add(1);
    };
    for (let count = 0; count < 9; count += 1) await ask();
    expect(clock.sleeps.filter((slept) => slept === 50_000).length).toBe(9);
    // Each wait consists of two requests of half a minute.
    await expect(ask()).rejects.toThrow('x comes too slowly: 10 bytes in 10 minutes.');
  } finally {
    await registry.stop();
  }
});

test.each<[string, number]>([
  ['in one stream', Infinity],
  ['in ranges', 2 * MEBIBYTE],
])('a run gives up a blob that drips %s, and gives its memory back', async (_name, rangesFromBytes) => {
  const clock = new TestClock();
  const limits = { maxRunMs: LONGEST, rangesFromBytes, rangesAtOnce: 2 };
  const environment = environmentFor(new MemoryStore(), { clock, limits });
  const memory = drippingSource(clock, 16);
  const source: Source = Object.assign(memory, {
    range: async (_digest: unknown, _size: number, start: number, end: number) => ({
      isWhole: false,
      discard: () => {},
      body: drip(clock, 16, start, end),
    }),
  });
  const copier = new BlobCopier(environment, new FairShare(1));
  const descriptor = { mediaType: 'a/b', digest, size: SIZE };
  await expect(
    copier.ensure(parseRepository('a.test/b'), descriptor, source, environment.tally),
  ).rejects.toThrow(`source.test/app: blob ${digest} comes too slowly`);
  expect(environment.buffers.share.used).toBe(0);
});
