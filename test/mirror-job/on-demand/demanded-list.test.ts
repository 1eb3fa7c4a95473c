/** The list of images that clients have asked for, and its bounds. */
import { expect, test } from 'vitest';
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import {
  claimImages,
  decodeDemanded,
  encodeDemanded,
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

function settled(images: readonly DemandedImage[], mirrored: readonly string[], at = NOW) {
  return settleImages(images, { mirrored, failures: {}, forgotten: [] }, at);
}

function failed(images: readonly DemandedImage[], failures: Record<string, string>, at = NOW) {
  return settleImages(images, { mirrored: [], failures, forgotten: [] }, at);
}

test('a reference is claimed once while it is under way, also if it is named twice', () => {
  const first = claimImages([], ['a', 'a', 'b'], NOW);
  expect(first.claimed).toEqual(['a', 'b']);
  expect(claimImages(first.images, ['a'], later(14)).claimed).toEqual([]);
  // An instance that died does not block its image for ever.
  expect(claimImages(first.images, ['a'], later(15)).claimed).toEqual(['a']);
});

test('a reference that failed is left alone for a quarter of an hour, and forgotten after a day', () => {
  const { images } = claimImages([], ['a'], NOW);
  const list = failed(images, { a: 'It is not there.' });
  expect(list).toMatchObject([{ reference: 'a', isUnderway: false, failure: 'It is not there.' }]);
  expect(claimImages(list, ['a'], later(14)).claimed).toEqual([]);
  expect(claimImages(list, ['a'], later(15)).claimed).toEqual(['a']);
  expect(claimImages(list, ['b'], later(24 * 60)).images.map(({ reference }) => reference)).toEqual(['b']);
});

test('a mirrored reference stays, and keeps the time when it was mirrored first', () => {
  const list = settled(claimImages([], ['a'], NOW).images, ['a']);
  const again = claimImages(list, ['a', 'b'], later(60 * 24 * 400));
  expect(again.claimed).toEqual(['a', 'b']);
  expect(mirroredReferences(again.images)).toEqual(['a']);
  expect(settled(again.images, ['a'], later(60 * 24 * 401))).toContainEqual(
    expect.objectContaining({ reference: 'a', mirrored: NOW.toISOString(), isUnderway: false }),
  );
  // A failure later does not take it out of the runs.
  expect(mirroredReferences(failed(again.images, { a: 'No.' }))).toEqual(['a']);
});

test('a forgotten reference is no longer known, unless it was mirrored before', () => {
  const { images } = claimImages(settled([], ['a']), ['a', 'b'], later(1));
  expect(settleImages(images, { mirrored: [], failures: {}, forgotten: ['a', 'b'] }, later(2))).toEqual([
    expect.objectContaining({ reference: 'a', mirrored: NOW.toISOString(), isUnderway: false }),
  ]);
});

test('fifty are under way at most, and the others wait', () => {
  const { claimed, waiting, images } = claimImages([], many(60), NOW);
  expect([claimed.length, waiting.length]).toEqual([50, 10]);
  expect(claimImages(images, waiting, later(1))).toMatchObject({ claimed: [], waiting });
  expect(claimImages(settled(images, claimed), waiting, later(1))).toMatchObject({
    claimed: waiting,
    waiting: [],
  });
});

test('five hundred a day at most, whether they can be mirrored or not', () => {
  let images: readonly DemandedImage[] = [];
  for (const group of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    const claim = claimImages(images, many(50, `group-${group}`), later(group));
    expect(claim.refusals).toEqual([]);
    const names = Object.fromEntries(claim.claimed.map((reference) => [reference, 'It is not there.']));
    images = failed(claim.images, names, later(group));
  }
  const more = claimImages(images, ['docker.io/library/more:1'], later(20));
  expect(more).toMatchObject({ claimed: [], waiting: [] });
  expect(more.refusals).toEqual([
    expect.stringMatching(/^docker\.io\/library\/more:1 .* 500 images within a day/),
  ]);
  expect(claimImages(images, ['docker.io/library/more:1'], later(24 * 60 + 10)).claimed).toHaveLength(1);
});

test('two thousand are kept fresh at most, and those can be asked for again', () => {
  const images = settled([], many(2000), later(-48 * 60));
  const [first = ''] = many(1);
  const { claimed, refusals } = claimImages(images, ['docker.io/library/more:1', first], NOW);
  expect(claimed).toEqual([first]);
  expect(refusals).toEqual([expect.stringContaining('2000 images are')]);
});

test('the list survives its bytes', () => {
  const { images } = claimImages(settled([], ['b']), ['c', 'a'], NOW);
  const list = failed(images, { c: 'No.' });
  const bytes = encodeDemanded(list);
  expect(decodeDemanded('k', bytes)).toEqual(
    list
      .toSorted((one, other) => (one.reference < other.reference ? -1 : 1))
      .map((image) => expect.objectContaining(image)),
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
