/** A blob that comes so slowly that it would never be mirrored is given up. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../core/digest.ts';
import { BlobCopier } from '../../mirror-job/engine/blob-copy.ts';
import { FairShare } from '../../mirror-job/engine/fair-share.ts';
import { Pace } from '../../mirror-job/engine/pace.ts';
import { resumed } from '../../mirror-job/engine/resume.ts';
import { SourceError, type Source } from '../../mirror-job/engine/source.ts';
import { parseRepository } from '../../core/reference.ts';
import { bytesOf, digestOfBlob, emptyRepository, randomBlob } from '../support/content.ts';
import { environmentFor, TestClock } from './harness.ts';
import { MemorySource } from './memory-source.ts';
import { MemoryStore } from './memory-store.ts';

const MINUTE = 60_000;
const LONGEST = 300 * MINUTE;
const MEBIBYTE = 1024 * 1024;
const SIZE = 12 * MEBIBYTE;
const STEP = 128 * 1024;
const blob = randomBlob('pace', SIZE);
const digest = parseDigest(await digestOfBlob(blob));
const bytes = await bytesOf(blob);
const { signal } = new AbortController();

/** Sends 128 KiB each time that so many minutes have passed. @param breaks whether the connection ends after each */
function drippingSource(clock: TestClock, minutes: number, breaks = false): MemorySource {
  const source = new MemorySource('source.test/app', emptyRepository());
  source.open = async function* open(_digest, offset) {
    for (let start = offset; start < SIZE; start += STEP) {
      clock.advance(minutes * MINUTE);
      yield bytes.slice(start, start + STEP);
      if (breaks && start + STEP < SIZE) throw new SourceError('it broke.');
    }
  };
  return source;
}

async function read(source: MemorySource, clock: TestClock): Promise<Buffer> {
  const pace = new Pace('source.test/app: blob x', SIZE, { clock, longest: LONGEST });
  const body = resumed(source, { digest, size: SIZE }, signal, { pace });
  return bytesOf({ size: SIZE, open: () => body });
}

const sentence = (arrived: number, left: number): string =>
  `source.test/app: blob x comes too slowly: ${arrived} bytes in 10 minutes. At this pace the other ${left} bytes would take longer than a run may take (maxDuration).`;

test.each([false, true])(
  'a blob that would take longer than a run ends after ten minutes (connections that break: %j)',
  async (breaks) => {
    const clock = new TestClock();
    const source = drippingSource(clock, 5, breaks);
    // In five hours at this pace: 7.5 MiB.
    await expect(read(source, clock)).rejects.toThrow(sentence(2 * STEP, SIZE - 2 * STEP));
    expect(source.calls).toHaveLength(breaks ? 2 : 1);
  },
);

test.each([false, true])(
  'a blob that comes just fast enough is read to its end (connections that break: %j)',
  async (breaks) => {
    const clock = new TestClock();
    expect((await read(drippingSource(clock, 3, breaks), clock)).equals(bytes)).toBe(true);
  },
);

test('the floor falls with what is left: what is slow at its end is read all the same', async () => {
  const clock = new TestClock();
  const source = new MemorySource('source.test/app', emptyRepository());
  source.open = async function* open() {
    yield bytes.slice(0, SIZE - STEP);
    for (let start = SIZE - STEP; start < SIZE; start += STEP / 16) {
      clock.advance(11 * MINUTE);
      yield bytes.slice(start, start + STEP / 16);
    }
  };
  expect((await read(source, clock)).equals(bytes)).toBe(true);
});

test('the time in which nobody asks for more is not counted, because a slow store is not the source’s fault', async () => {
  const clock = new TestClock();
  const pace = new Pace('x', SIZE, { clock, longest: LONGEST });
  let length = 0;
  for await (const chunk of resumed(drippingSource(clock, 0), { digest, size: SIZE }, signal, { pace })) {
    length += chunk.length;
    clock.advance(60 * MINUTE);
  }
  expect(length).toBe(SIZE);
});

test('a clock that is set counts as one period at most, and backwards as nothing', async () => {
  const clock = new TestClock();
  const pace = new Pace('x', SIZE, { clock, longest: LONGEST });
  await pace.wait(async () => clock.advance(-1000 * MINUTE));
  pace.add(1);
  await pace.wait(async () => clock.advance(1000 * MINUTE));
  expect(() => pace.add(STEP)).toThrow('x comes too slowly: 131073 bytes in 10 minutes.');
});

test.each<[string, number]>([
  ['in one stream', Infinity],
  ['in ranges', 2 * MEBIBYTE],
])('a run gives up a blob that drips %s, and gives its memory back', async (_name, rangesFrom) => {
  const clock = new TestClock();
  const limits = { longest: LONGEST, rangesFrom, rangesAtOnce: 2 };
  const environment = environmentFor(new MemoryStore(), { clock, limits });
  const memory = drippingSource(clock, 6);
  const source: Source = Object.assign(memory, {
    range: async (_digest: unknown, _size: number, start: number, end: number) => ({
      isWhole: false,
      discard: () => {},
      body: (async function* body() {
        for (let from = start; from < end; from += STEP) {
          clock.advance(6 * MINUTE);
          yield bytes.slice(from, Math.min(from + STEP, end));
        }
      })(),
    }),
  });
  const copier = new BlobCopier(environment, new FairShare(1));
  const descriptor = { mediaType: 'a/b', digest, size: SIZE };
  await expect(copier.ensure(parseRepository('a.test/b'), descriptor, source)).rejects.toThrow(
    `source.test/app: blob ${digest} comes too slowly`,
  );
  expect(environment.buffers.share.used).toBe(0);
});
