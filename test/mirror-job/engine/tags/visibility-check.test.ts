/** One visibility check per image, before anything is copied into a bucket that everybody reads. */
import { expect, test } from 'vitest';
import { parseDigest, type Digest } from '../../../../core/digest.ts';
import { VisibilityCheck } from '../../../../mirror-job/engine/tags/visibility-check.ts';
import { SourceError } from '../../../../mirror-job/engine/source.ts';
import { emptyRepository } from '../../../support/content.ts';
import { MemorySource } from '../../support/memory-source.ts';

const digest = (letter: string): Digest => parseDigest(`sha256:${letter.repeat(64)}`);
const [a, b, c] = [digest('a'), digest('b'), digest('c')];

/** A check whose questions are recorded; `answer` answers them. */
function checkOf(answer: (asked: Digest) => Promise<boolean>, mustBePublic = true) {
  const asked: Digest[] = [];
  const source = new MemorySource('source.test/app', emptyRepository());
  source.isPublic = (one: Digest) => {
    asked.push(one);
    return answer(one);
  };
  return { asked, check: new VisibilityCheck({ mustBePublic, source }) };
}

test('upstream is asked once for all callers', async () => {
  const { asked, check } = checkOf(() => Promise.resolve(true));
  await Promise.all([check.refusePrivate(a), check.refusePrivate(b)]);
  await check.refusePrivate(c);
  expect(asked).toEqual([a]);
});

test('an image that upstream does not show to everybody is refused', async () => {
  const { check } = checkOf(() => Promise.resolve(false));
  await expect(check.refusePrivate(a)).rejects.toThrow(SourceError);
});

test('nothing is asked if the image need not be public', async () => {
  const { asked, check } = checkOf(() => Promise.resolve(false), false);
  await check.refusePrivate(a);
  expect(asked).toEqual([]);
});

test('after a check that failed, the next caller asks with its own digest', async () => {
  const { asked, check } = checkOf((one) =>
    one === a ? Promise.reject(new SourceError('It was deleted.')) : Promise.resolve(true),
  );
  const first = check.refusePrivate(a);
  const second = check.refusePrivate(b);
  await expect(first).rejects.toThrow('It was deleted.');
  await second;
  expect(asked).toEqual([a, b]);
});

test('before a child is fetched, the latest digest of a tag is checked', async () => {
  const { asked, check } = checkOf(() => Promise.reject(new SourceError('It fails.')));
  await expect(check.refusePrivateBelow(b)).rejects.toThrow('It fails.');
  check.noteLatest(a);
  await expect(check.refusePrivateBelow(b)).rejects.toThrow('It fails.');
  expect(asked).toEqual([b, a]);
});
