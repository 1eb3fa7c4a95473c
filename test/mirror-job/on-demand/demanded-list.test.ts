/** The list of images that clients have asked for, and its bounds. */
import { expect, test } from 'vitest';
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import {
  adoptImages,
  claimImages,
  decodeDemanded,
  encodeDemanded,
  instancesIn,
  mirroredReferences,
  settleImages,
  type DemandedImage,
} from '../../../mirror-job/on-demand/demanded-list.ts';

const NOW = new Date('2026-11-29T12:00:00.000Z');
const MINUTE_MS = 60_000;

function later(minutes: number): Date {
  return new Date(NOW.getTime() + minutes * MINUTE_MS);
}

function many(count: number, name = 'image'): string[] {
  return Array.from({ length: count }, (_, number) => `docker.io/library/${name}-${number}:1`);
}

const ME = 'demand-me';

/** Claims for an instance, beside those that are running. */
function claim(
  images: readonly DemandedImage[],
  references: readonly string[],
  now = NOW,
  { instance = ME, running = [] as readonly string[] } = {},
) {
  return claimImages(images, references, { instance, running: new Set(running), now });
}

function settled(images: readonly DemandedImage[], mirrored: readonly string[], at = NOW, instance = ME) {
  return settleImages(images, { mirrored, failures: {}, forgotten: [] }, instance, at);
}

function failed(images: readonly DemandedImage[], failures: Record<string, string>, at = NOW) {
  return settleImages(images, { mirrored: [], failures, forgotten: [] }, ME, at);
}

/** @returns a list of images that were mirrored */
function mirroredList(references: readonly string[], at = NOW): readonly DemandedImage[] {
  return references.map((reference) => ({
    reference,
    asked: at.toISOString(),
    mirrored: at.toISOString(),
  }));
}

test('a reference is claimed once while its instance is running, however long that takes', () => {
  const first = claim([], ['a:1', 'a:1', 'b:1']);
  expect(first.claimed).toEqual(['a:1', 'b:1']);
  const other = { instance: 'demand-other', running: [ME] };
  expect(claim(first.images, ['a:1'], later(600), other)).toMatchObject({ claimed: [], waiting: [] });
});

test('an instance that does not run has no claims', () => {
  const { images } = claim([], ['a:1']);
  expect(claim(images, ['a:1'], later(1), { instance: 'demand-other' }).claimed).toEqual(['a:1']);
});

test('a claim whose write was repeated has the same images', () => {
  const { images, claimed } = claim([], ['a:1', 'b:1']);
  expect(claim(images, ['a:1', 'b:1']).claimed).toEqual(claimed);
});

test('a digest waits while something of its repository is under way, because that may bring it', () => {
  const { images } = claim([], ['host.test:5000/a/b:1']);
  const other = { instance: 'demand-other', running: [ME] };
  const digest = `host.test:5000/a/b@sha256:${'a'.repeat(64)}`;
  expect(claim(images, [digest, 'host.test:5000/a/b:2'], later(1), other)).toMatchObject({
    claimed: ['host.test:5000/a/b:2'],
    waiting: [digest],
  });
  expect(claim(settled(images, ['host.test:5000/a/b:1']), [digest], later(1), other).claimed).toEqual([
    digest,
  ]);
});

test('a reference that failed is left alone, longer after each failure, and is forgotten after two days', () => {
  let images = failed(claim([], ['a:1']).images, { 'a:1': 'It is not there.' });
  expect(images).toMatchObject([{ reference: 'a:1', failure: 'It is not there.', failures: 1 }]);
  expect(images[0]).not.toHaveProperty('instance');
  expect(claim(images, ['a:1'], later(14)).claimed).toEqual([]);
  const again = claim(images, ['a:1'], later(15));
  expect(again.claimed).toEqual(['a:1']);
  images = failed(again.images, { 'a:1': 'Still not.' }, later(15));
  expect(claim(images, ['a:1'], later(15 + 29)).claimed).toEqual([]);
  expect(claim(images, ['a:1'], later(15 + 30)).claimed).toEqual(['a:1']);
  expect(claim(images, ['b:1'], later(49 * 60)).images.map(({ reference }) => reference)).toEqual(['b:1']);
});

test('a mirrored reference stays, and keeps the time when it was mirrored first', () => {
  const list = settled(claim([], ['a:1']).images, ['a:1']);
  const again = claim(list, ['a:1', 'b:1'], later(60 * 24 * 400));
  expect(again.claimed).toEqual(['a:1', 'b:1']);
  expect(mirroredReferences(again.images)).toEqual(['a:1']);
  const ended = settled(again.images, ['a:1'], later(60 * 24 * 401));
  expect(ended[0]).toMatchObject({ reference: 'a:1', mirrored: NOW.toISOString() });
  expect(ended[0]).not.toHaveProperty('instance');
  // A failure later does not take it out of the runs.
  expect(mirroredReferences(failed(again.images, { 'a:1': 'No.' }))).toEqual(['a:1']);
});

test('an instance settles its own claims alone', () => {
  const { images } = claim([], ['a:1']);
  expect(settled(images, ['a:1'], NOW, 'demand-other')).toEqual(images);
});

test('a forgotten reference is no longer known, unless it was mirrored before', () => {
  const { images } = claim(mirroredList(['a:1']), ['a:1', 'b:1'], later(1));
  const nothing = { mirrored: [], failures: {}, forgotten: ['a:1', 'b:1'] };
  expect(settleImages(images, nothing, ME, later(2))).toEqual([
    { reference: 'a:1', asked: expect.any(String), mirrored: NOW.toISOString() },
  ]);
});

test('what an instance has mirrored that ended without a word is kept, and the rest can be asked for again', () => {
  const { images } = claim([], ['a:1', 'b:1', 'c:1']);
  const running = claim(images, ['d:1'], NOW, { instance: 'demand-other', running: [ME] }).images;
  const adopted = adoptImages(running, new Set([ME]), (reference) => reference === 'a:1', later(3));
  expect(mirroredReferences(adopted)).toEqual(['a:1']);
  expect(instancesIn(adopted)).toEqual(new Set(['demand-other']));
  expect(claim(adopted, ['b:1', 'd:1'], later(4), { running: ['demand-other'] }).claimed).toEqual(['b:1']);
});

test('an instance whose claims were ended settles them all the same, because what it has mirrored must stay fresh', () => {
  const adopted = adoptImages(claim([], ['a:1']).images, new Set([ME]), () => false, later(1));
  expect(mirroredReferences(adopted)).toEqual([]);
  expect(mirroredReferences(settled(adopted, ['a:1'], later(2)))).toEqual(['a:1']);
});

test('fifty are under way at most, and the others wait', () => {
  const { claimed, waiting, images } = claim([], many(60));
  expect([claimed.length, waiting.length]).toEqual([50, 10]);
  const other = { instance: 'demand-other', running: [ME] };
  expect(claim(images, waiting, later(1), other)).toMatchObject({ claimed: [], waiting });
  expect(claim(settled(images, claimed), waiting, later(1), other)).toMatchObject({
    claimed: waiting,
    waiting: [],
  });
});

test('five hundred are begun a day at most', () => {
  let images: readonly DemandedImage[] = [];
  for (const group of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    const { claimed, refusals, images: next } = claim(images, many(50, `group-${group}`), later(group));
    expect(refusals).toEqual([]);
    images = settled(next, claimed, later(group));
  }
  const more = claim(images, ['docker.io/library/more:1'], later(20));
  expect(more).toMatchObject({ claimed: [], waiting: [] });
  expect(more.refusals).toEqual([
    expect.stringMatching(/^docker\.io\/library\/more:1 .* 500 images within a day/),
  ]);
  expect(claim(images, ['docker.io/library/more:1'], later(24 * 60 + 10)).claimed).toHaveLength(1);
});

test('names that could not be mirrored do not use up the day, and two thousand of them are remembered at most', () => {
  let images: readonly DemandedImage[] = [];
  for (let group = 0; group < 40; group += 1) {
    const { claimed, refusals, images: next } = claim(images, many(50, `made-up-${group}`), later(group));
    expect(refusals).toEqual([]);
    images = failed(next, Object.fromEntries(claimed.map((one) => [one, 'It is not there.'])), later(group));
  }
  const more = claim(images, ['docker.io/library/more:1'], later(60));
  expect(more.refusals).toEqual([expect.stringContaining('2000 images that could not be mirrored')]);
});

test('two thousand are kept fresh at most, and those can be asked for again', () => {
  const images = mirroredList(many(2000), later(-48 * 60));
  const [first = ''] = many(1);
  const { claimed, refusals } = claim(images, ['docker.io/library/more:1', first]);
  expect(claimed).toEqual([first]);
  expect(refusals).toEqual([expect.stringContaining('2000 images are')]);
});

test('the list survives its bytes', () => {
  const list = failed(claim(mirroredList(['b:1']), ['c:1', 'a:1']).images, { 'c:1': 'No.' });
  const bytes = encodeDemanded(list);
  expect(decodeDemanded('k', bytes)).toEqual(
    list.toSorted((one, other) => (one.reference < other.reference ? -1 : 1)),
  );
  expect(encodeDemanded(decodeDemanded('k', bytes))).toEqual(bytes);
});

test.for([
  ['text', 'it is not JSON'],
  ['[]', 'it is not a JSON object'],
  ['{"version":2,"images":[]}', 'its version is not that of this release'],
  ['{"version":1}', 'it has no list of images'],
  ['{"version":1,"images":[{"reference":"a"}]}', 'images[0] has no reference, or a time that is none'],
  [
    '{"version":1,"images":[{"reference":1,"asked":"2026-11-29T12:00:00.000Z"}]}',
    'images[0] has no reference',
  ],
])('a list that cannot be read is an error: %s', ([text, reason]) => {
  const read = () => decodeDemanded('state/a/demanded.json', new TextEncoder().encode(text));
  expect(read).toThrow(BucketObjectInvalidError);
  expect(read).toThrow(`The bucket's object state/a/demanded.json cannot be used: ${reason}`);
});
