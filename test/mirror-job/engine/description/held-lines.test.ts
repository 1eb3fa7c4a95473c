/** The lines of the overview about tags that are held: why, and when a tag moves by itself. */
import { expect, test } from 'vitest';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { DAY } from '../../support/harness.ts';
import { DescriptionFixture } from './description-fixture.ts';

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
