/** Several entries of one name may select one tag: then the strictest value of each rule holds. */
import { expect, test } from 'vitest';
import { parseTag } from '../../../../core/reference.ts';
import { asMatcher, parsePattern } from '../../../../mirror-job/configuration/pattern.ts';
import { type Image, FOLLOW } from '../../../../mirror-job/engine/image.ts';
import { policyFor } from '../../../../mirror-job/engine/tags/policy-for.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { DAY, environmentFor, imageOf, TestClock, type ImageOptions } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const NAME = 'mirror.test/app';
const pattern = (text: string) => asMatcher(parsePattern(text));

function entry(options: ImageOptions): Image {
  return imageOf(new MemorySource('source.test/app', emptyRepository()), NAME, options);
}

function among(image: Image, neighbours: readonly Image[]): Image {
  return { ...image, neighbours };
}

test('an entry alone has the policy that it states', () => {
  const moves = { policy: 'hold', minAgeMs: DAY, rollback: 'follow', maxMovesPerRun: 3 } as const;
  const image = entry({ tags: ['1.0'], moves });
  expect(policyFor(parseTag('1.0'), among(image, [image]))).toEqual(moves);
});

test.for<readonly [string, ImageOptions]>([
  ['by name', { tags: ['1.0'] }],
  ['by a pattern', { tags: 'all' }],
])('each stricter rule holds if another entry selects the tag %s', ([, tags]) => {
  const lax = entry({ tags: ['1.0'], moves: { policy: 'follow', rollback: 'follow', minAgeMs: 2 * DAY } });
  const strict = entry({ ...tags, moves: { policy: 'hold', minAgeMs: DAY, maxMovesPerRun: 2 } });
  const joint = { policy: 'hold', minAgeMs: 2 * DAY, rollback: 'hold', maxMovesPerRun: 2 };
  expect(policyFor(parseTag('1.0'), among(lax, [lax, strict]))).toEqual(joint);
  expect(policyFor(parseTag('1.0'), among(strict, [lax, strict]))).toEqual(joint);
});

test('rules of another entry do not apply to tags that it does not select, or that are not among its immutable tags', () => {
  const image = entry({ tags: ['edge'] });
  const others = [
    entry({ tags: ['1.0'], moves: { policy: 'hold' } }),
    entry({ tags: 'all', immutable: [pattern('1.*')] }),
  ];
  expect(policyFor(parseTag('edge'), among(image, others))).toEqual(FOLLOW);
  expect(policyFor(parseTag('1.1'), among(image, others))).toEqual({ ...FOLLOW, policy: 'immutable' });
});

test('signature tags follow their image, whatever the entry says', () => {
  const image = entry({ tags: 'all', moves: { policy: 'immutable' } });
  const tag = parseTag(`sha256-${'a'.repeat(64)}.sig`);
  expect(policyFor(tag, among(image, [image]))).toEqual({ ...FOLLOW, rollback: 'follow' });
});

test('a run holds a tag that one of two entries holds, whatever the order of the entries', async () => {
  const content = emptyRepository();
  const [first, second] = [
    addImage(content, { layers: [await addLayer(content, 'first')] }),
    addImage(content, { layers: [await addLayer(content, 'second')] }),
  ];
  const source = new MemorySource('source.test/app', content);
  const store = new MemoryStore();
  const clock = new TestClock();
  const entries = [
    imageOf(source, NAME, { tags: 'all', moves: { policy: 'follow' } }),
    imageOf(source, NAME, { tags: ['latest'], moves: { policy: 'hold' } }),
  ];
  const images = entries.map((image) => among(image, entries));
  const run = (some: readonly Image[]) => {
    clock.advance(DAY);
    return runMirror(environmentFor(store, { clock }), 'default', some);
  };
  tagAs(content, first, 'latest');
  await run(images);
  tagAs(content, second, 'latest');
  // The last case is an image on the command line, which leaves the other entry out.
  for (const some of [images, images.toReversed(), images.slice(0, 1)]) {
    const { counts } = await run(some);
    expect(counts).toMatchObject({ held: some.length, moved: 0, failed: 0 });
  }
});
