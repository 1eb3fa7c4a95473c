/** Runs after a tag was moved by hand. */
import { expect, test } from 'vitest';
import { findWaiting, statusOf } from '../../../../mirror-job/engine/tags/tag-status.ts';
import { INDEX_KEY, TagFixture } from './tag-fixture.ts';

test('a reverted tag stays, even if upstream goes on or the index is lost, and an approved tag follows again', async () => {
  const fixture = new TagFixture();
  for (const name of ['a', 'b', 'c']) await fixture.sync(name);
  await fixture.revert();
  const isHeld = { digest: fixture.digest('b'), hold: 'reverted by hand' };
  await fixture.run();
  expect(fixture.stands()).toMatchObject(isHeld);
  await fixture.sync('d');
  expect(fixture.stands()).toMatchObject(isHeld);
  fixture.store.objects.delete(INDEX_KEY);
  await fixture.run();
  expect(fixture.stands()).toMatchObject(isHeld);

  // The policy decides again, and upstream has moved on since.
  await fixture.approve('c');
  expect(fixture.stands()).toMatchObject({ digest: fixture.digest('c') });
  await fixture.run();
  expect(fixture.stands()).toMatchObject({ digest: fixture.digest('d') });
  expect(fixture.history().slice(3)).toEqual(['c → b: reverted', 'b → c: approved', 'c → d: upstream moved']);
});

test('an older digest to which upstream goes back waits until it is approved', async () => {
  const fixture = new TagFixture();
  for (const name of ['a', 'b', 'a']) await fixture.sync(name);
  expect(fixture.stands()).toMatchObject({ digest: fixture.digest('b') });
  const waiting = () =>
    findWaiting(fixture.index()).map(({ candidates }) => candidates.map(({ digest }) => digest));
  expect(waiting()).toEqual([[fixture.digest('a')]]);
  await fixture.approve('a');
  await fixture.run();
  expect(fixture.stands()).toMatchObject({ digest: fixture.digest('a') });
  expect(waiting()).toEqual([]);
});

test('after an approval of an older digest, the digest that the tag left does not wait until upstream comes back to it, and a new digest waits', async () => {
  const fixture = new TagFixture({ policy: 'hold' });
  const states = () =>
    statusOf(fixture.index(), fixture.tag, fixture.stands()).candidates.map(
      ({ digest, state }) => `${fixture.nameOf(digest)} ${state}`,
    );
  const waiting = () =>
    findWaiting(fixture.index()).flatMap(({ candidates }) =>
      candidates.map(({ digest }) => fixture.nameOf(digest)),
    );
  await fixture.sync('a');
  await fixture.sync('b');
  await fixture.approve('b');
  expect([states(), waiting()]).toEqual([['a older'], []]);
  await fixture.approve('a');
  expect([states(), waiting()]).toEqual([['b left'], []]);
  await fixture.run();
  expect([states(), waiting()]).toEqual([['b left'], []]);
  await fixture.sync('c');
  expect([states(), waiting()]).toEqual([['c waits', 'b left'], ['c']]);
  await fixture.sync('b');
  expect([states(), waiting()]).toEqual([
    ['b waits', 'c waits'],
    ['b', 'c'],
  ]);
});

test('after a revert, the digest that the tag was taken from is the way forward, and waits', async () => {
  const fixture = new TagFixture();
  for (const name of ['a', 'b', 'c']) await fixture.sync(name);
  await fixture.revert();
  const { candidates } = statusOf(fixture.index(), fixture.tag, fixture.stands());
  expect(candidates.map(({ digest, state }) => `${fixture.nameOf(digest)} ${state}`)).toEqual([
    'c waits',
    'a older',
  ]);
});
