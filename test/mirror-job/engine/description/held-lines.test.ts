/** The lines of the overview about tags that are held: why, and when a tag moves by itself. */
import { expect, test } from 'vitest';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { DAY } from '../../support/harness.ts';
import { APP, DescriptionFixture } from './description-fixture.ts';

const LAST_RUN = 'state/default/last-run.json';

async function heldBy(moves: Parameters<DescriptionFixture['run']>[0]) {
  const fixture = new DescriptionFixture();
  const app = fixture.upstream();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'one')] }), 'a', 'b');
  await fixture.run(moves);
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'two')] }), 'a', 'b');
  await fixture.run(moves);
  return fixture;
}

test('a tag that is held by policy alone has an upstream in its description, and its reason in the overview', async () => {
  const fixture = await heldBy({ tags: ['a'], moves: { policy: 'hold' } });
  const [tag] = fixture.description().tags;
  expect(tag?.upstream?.firstSeen).toBe('2026-01-01T02:00:00.000Z');
  expect(tag).not.toHaveProperty('hold');
  const [line, ...others] = fixture.overview().held;
  expect(others).toEqual([]);
  expect(line).toMatchObject({ reason: 'moves.policy is hold.', since: '2026-01-01T02:00:00.000Z' });
  expect(line).not.toHaveProperty('until');
});

test('a tag that is too young says when it moves by itself, and one that waits for its turn that the next run moves it', async () => {
  const young = await heldBy({ tags: ['a'], moves: { minAgeMs: 3 * DAY } });
  expect(young.overview().held).toMatchObject([{ tag: 'a', until: '2026-01-04T02:00:00.000Z' }]);
  const next = await heldBy({ tags: ['a', 'b'], moves: { maxMovesPerRun: 1 } });
  expect(next.overview().held).toMatchObject([{ until: '2026-01-01T02:00:00.000Z' }]);
});

test('a run of some tags by hand keeps the reason of the others, the time of the last check, and the record of the last run', async () => {
  const fixture = await heldBy({ tags: ['a', 'b'], moves: { policy: 'hold' } });
  const [before, runs, lastRun] = [fixture.overview(), fixture.runs(), fixture.store.objects.get(LAST_RUN)];
  expect(before.held.map(({ reason }) => reason)).toEqual(['moves.policy is hold.', 'moves.policy is hold.']);
  await fixture.run({ tags: ['b'], moves: { policy: 'hold' }, isPartial: true });
  expect(fixture.overview()).toEqual(before);
  expect(fixture.runs()).toEqual(runs);
  expect(fixture.store.objects.get(LAST_RUN)).toBe(lastRun);
});

test('a first run of some tags by hand makes the overview, in which nothing counts as checked', async () => {
  const fixture = new DescriptionFixture();
  const app = fixture.upstream();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'one')] }), 'a');
  await fixture.run({ tags: ['a'], isPartial: true });
  const [line] = fixture.overview().repositories;
  expect(line).toMatchObject({ name: APP, tags: 1 });
  expect(line).not.toHaveProperty('checked');
});
