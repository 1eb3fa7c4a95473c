/** A prune that a failure or a kill has ended goes on at the next call, and leaves nothing behind. */
import { beforeEach, expect, test } from 'vitest';
import { decodeRepositoryIndex, encodeRepositoryIndex } from '../../../../core/repository-index.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import type { StoreCall } from '../../support/memory-store.ts';
import { DAY, HOUR, NAME, PrunedMirror } from './pruned-mirror.ts';

const TAG = `repositories/${NAME}/_tags/old`;

let mirror: PrunedMirror;

beforeEach(async () => {
  mirror = new PrunedMirror();
  await mirror.push('old');
  await mirror.push('stays');
  await mirror.sync();
  mirror.content.tags.delete('old');
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
});

/** Lets calls fail, from the first one that a pattern matches on. */
function failFrom(pattern: RegExp, failure: Error): void {
  let hasFailed = false;
  mirror.store.before = (call: StoreCall, key: string) => {
    hasFailed ||= pattern.test(`${call} ${key}`);
    if (hasFailed) throw failure;
  };
}

test('a sweep whose own list cannot be deleted at the end has ended all the same', async () => {
  await mirror.condemn();
  mirror.clock.advance(49 * HOUR);
  expect((await mirror.sweep()).kind).toBe('names deleted');
  mirror.clock.advance(49 * HOUR);
  let isFailing = true;
  mirror.store.before = (call, key) => {
    if (!isFailing || call !== 'delete' || !/^state\/_prune\/.+\/00001/.test(key)) return;
    // It was deleted, and the answer got lost.
    mirror.store.objects.delete(key);
    throw new StoreError('The answer got lost.');
  };
  await expect(mirror.sweep()).rejects.toThrow('The answer got lost.');
  isFailing = false;
  expect(mirror.store.json('state/_prune.json')).toMatchObject({ phase: 'idle' });
  expect((await mirror.sweep()).kind).toBe('nothing');
  expect((await mirror.plan()).goes.objects).toBe(0);
});

test.each([
  ['the tag itself was deleted', /^delete .*\/_tags\/old$/],
  ['the index was written', /^put .*\/_index\.json$/],
])('a tag that a killed sweep took off its lists goes later: killed before %s', async (_, pattern) => {
  await mirror.condemn();
  mirror.clock.advance(49 * HOUR);
  failFrom(pattern, new StoreError('Killed.'));
  await expect(mirror.sweep()).rejects.toThrow('Killed.');
  mirror.store.before = () => {};
  expect(mirror.store.objects.has(TAG)).toBe(true);
  expect(mirror.store.json(`repositories/${NAME}/_tags.json`)).toMatchObject({ tags: ['stays'] });
  mirror.clock.advance(DAY);
  await mirror.sync();
  await mirror.finish();
  expect(mirror.store.objects.has(TAG)).toBe(false);
  expect((await mirror.plan()).goes.objects).toBe(0);
});

test('a tag that the list has and the index lacks stays: an earlier version may have made the index anew without it', async () => {
  const key = `repositories/${NAME}/_index.json`;
  const entries = decodeRepositoryIndex(key, mirror.store.objects.get(key)?.bytes ?? new Uint8Array());
  const others = entries.filter((entry) => entry.kind !== 'tag' || entry.tag !== 'old');
  expect(others.length).toBe(entries.length - 1);
  const bytes = encodeRepositoryIndex(others, { listsEveryTag: true });
  await mirror.store.put(key, bytes, { contentType: 'application/json' });
  mirror.clock.advance(100 * DAY);
  await mirror.pruneAll();
  expect(mirror.store.objects.has(TAG)).toBe(true);
});
