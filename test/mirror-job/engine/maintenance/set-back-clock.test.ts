/** Sets the clock back while a sweep or a run is at work: the times of their looks must not count for longer by that. */
import { expect, test } from 'vitest';
import { PRUNE_KEY } from '../../../../core/layout.ts';
import { DAY, HOUR, PrunedMirror } from './pruned-mirror.ts';

/** A mirror of which the tag `old` may be swept. */
async function condemnedMirror(): Promise<PrunedMirror> {
  const mirror = new PrunedMirror();
  for (const tag of ['stays', 'old']) await mirror.push(tag);
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'] };
  await mirror.condemn();
  mirror.clock.advance(49 * HOUR);
  return mirror;
}

test('a sweep ends with nothing more deleted, and a later one deletes the rest', async () => {
  const mirror = await condemnedMirror();
  mirror.store.before = (call) => {
    if (call !== 'delete') return;
    mirror.store.before = () => {};
    mirror.clock.advance(-HOUR);
  };
  const before = mirror.keys().length;
  await expect(mirror.sweep()).rejects.toThrow(
    "this machine's clock was set back while objects were deleted",
  );
  expect(before - mirror.keys().length).toBe(1);
  expect(mirror.store.json(PRUNE_KEY)).toMatchObject({ phase: 'condemned' });
  mirror.clock.advance(HOUR);
  expect((await mirror.sweep()).kind).toBe('names deleted');
});

test('a sweep goes on if its clock goes back by some seconds', async () => {
  const mirror = await condemnedMirror();
  mirror.store.before = (call) => {
    if (call === 'delete') mirror.clock.advance(-2000);
  };
  expect((await mirror.sweep()).kind).toBe('names deleted');
});

test('a run looks again whether objects are condemned', async () => {
  const mirror = new PrunedMirror();
  const writer = mirror.writer();
  await writer.enter();
  mirror.clock.advance(-HOUR / 2);
  await writer.get('key');
  expect(mirror.store.calls).toEqual([`get ${PRUNE_KEY}`, `get ${PRUNE_KEY}`, 'get key']);
});

test('a run fails whose notes would end before it does', async () => {
  const mirror = await condemnedMirror();
  const writer = mirror.writer();
  await writer.enter();
  mirror.clock.advance(-24 * HOUR);
  await expect(writer.get('key')).rejects.toThrow("this machine's clock was set back by more than 1 hour");
});
