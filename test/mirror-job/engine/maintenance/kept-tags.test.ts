/** Reasons that keep a tag that no entry selects any more. They hold for signatures whose image is not in the bucket, too. */
import { expect, test } from 'vitest';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import { asMatcher, parsePattern } from '../../../../mirror-job/configuration/pattern.ts';
import { DEFAULT_RETENTION } from '../../../../mirror-job/engine/maintenance/retention.ts';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { revertTag } from '../../../../mirror-job/engine/tags/revert.ts';
import { addArtifact, tagAs } from '../../../support/builder.ts';
import { environmentFor, EVERY_TAG } from '../../support/harness.ts';
import { faultsOf } from '../../support/whole-bucket.ts';
import { DAY, keysOf, NAME, PrunedMirror, tagReference } from './pruned-mirror.ts';

const SIGNATURE = `sha256-${'a'.repeat(64)}.sig`;
const pattern = (text: string) => asMatcher(parsePattern(text));
const INCLUDED = [pattern('old'), pattern('sha256-*')];
const tagKey = (tag: string) => `repositories/${NAME}/_tags/${tag}`;

type Change = (mirror: PrunedMirror, tag: string) => unknown;

/** Whether the only tag of a mirror goes, which nothing keeps unless `change` does. */
async function goes(tag: string, change: Change): Promise<boolean> {
  const mirror = new PrunedMirror();
  await mirror.push(tag);
  mirror.options = { tags: [tag] };
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['another'] };
  await change(mirror, tag);
  return keysOf(await mirror.plan()).has(tagKey(tag));
}

async function revert(mirror: PrunedMirror, tag: string): Promise<void> {
  mirror.options = { tags: [tag] };
  await mirror.push(tag);
  await mirror.sync();
  const environment = environmentFor(mirror.store, { clock: mirror.clock });
  const repository = parseRepository(NAME);
  const state = await RepositoryState.open(environment, repository);
  const undefinedOnes = { to: undefined, reason: undefined, by: undefined };
  await revertTag(environment, state, { repository, tag: parseTag(tag), ...undefinedOnes });
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['another'] };
}

test.each<[string, Change]>([
  ['keep matches it', (mirror) => (mirror.retention = { ...DEFAULT_RETENTION, keep: INCLUDED })],
  ['it is younger than days', (mirror) => mirror.clock.advance(-50 * DAY)],
  [
    'a pattern selects it',
    (mirror) => (mirror.options = { tags: [], rules: { ...EVERY_TAG, include: INCLUDED } }),
  ],
  ['a cluster uses it', (mirror, tag) => (mirror.used = [tagReference(tag)])],
  ['a person holds it', revert],
  [
    'fewer tags than minTags are selected',
    (mirror) =>
      (mirror.options = { tags: [], rules: { ...EVERY_TAG, include: [pattern('none')], minTags: 1 } }),
  ],
])('a tag stays because %s', async (_, change) => {
  for (const tag of ['old', SIGNATURE]) {
    expect([await goes(tag, change), await goes(tag, () => {})]).toEqual([false, true]);
  }
});

test('a signature that a rule keeps stays when its image goes', async () => {
  const mirror = new PrunedMirror();
  const digest = await mirror.push('old');
  const signature = `${digest.replace(':', '-')}.sig`;
  tagAs(mirror.content, addArtifact(mirror.content, { artifactType: 'application/signature' }), signature);
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['another'] };
  mirror.used = [tagReference(signature)];
  await mirror.pruneAll();
  expect(mirror.store.keys('_tags/')).toEqual([tagKey(signature)]);
  expect(faultsOf(mirror.store)).toEqual([]);
});

test('the newest tags that latest selects stay, and an older one goes', async () => {
  const mirror = new PrunedMirror();
  for (const tag of ['1.0.0', '1.1.0', '1.2.0']) await mirror.push(tag);
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: [], rules: { ...EVERY_TAG, latest: 2 } };
  await mirror.pruneAll();
  expect(mirror.store.keys('_tags/')).toEqual([tagKey('1.1.0'), tagKey('1.2.0')]);
});
