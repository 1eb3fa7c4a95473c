/** Reasons that keep a digest without a tag. */
import { beforeEach, expect, test } from 'vitest';
import { parseRepository } from '../../../../core/reference.ts';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { environmentFor } from '../../support/harness.ts';
import { faultsOf } from '../../support/whole-bucket.ts';
import { DAY, keysOf, NAME, PrunedMirror } from './pruned-mirror.ts';

const INDEX_KEY = `repositories/${NAME}/_index.json`;
const manifestKey = (digest: string) => `repositories/${NAME}/_manifests/${digest.replace(':', '/')}`;

let mirror: PrunedMirror;
let digest: string;

/** A digest that was pinned, as by `rescue`, and that the configuration does not name. */
beforeEach(async () => {
  mirror = new PrunedMirror();
  await mirror.push('stays');
  digest = await mirror.push('old');
  mirror.content.tags.delete('old');
  mirror.options = { tags: ['stays'], digests: [digest] };
  await mirror.sync();
  mirror.options = { tags: ['stays'] };
});

const planned = async () => [...keysOf(await mirror.plan())];

test('a pin stays for days after it was first seen, and its manifest may be older', async () => {
  const older = await mirror.push('older');
  mirror.options = { tags: ['stays', 'older'] };
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'], digests: [older] };
  await mirror.sync();
  mirror.options = { tags: ['stays'] };
  mirror.clock.advance(80 * DAY);
  expect(await planned()).toContain(`repositories/${NAME}/_tags/older`);
  expect(await planned()).not.toContain(manifestKey(older));
  mirror.clock.advance(20 * DAY);
  expect(await planned()).toContain(manifestKey(older));
});

test('a digest of which a lost index had the pin stays until a person was told of it, with all that it needs, and for days after it was written', async () => {
  mirror.store.objects.delete(INDEX_KEY);
  await mirror.sync();
  expect(mirror.store.json(INDEX_KEY)).not.toMatchObject({
    manifests: expect.arrayContaining([expect.objectContaining({ digest })]),
  });
  mirror.clock.advance(80 * DAY);
  expect(await planned()).toEqual([]);
  mirror.clock.advance(20 * DAY);
  expect(await planned()).toEqual([]);
  const environment = environmentFor(mirror.store, { clock: mirror.clock });
  const state = await RepositoryState.open(environment, parseRepository(NAME));
  state.acceptLoss();
  await state.flush();
  await mirror.pruneAll();
  expect(mirror.store.keys(digest.slice(7))).toEqual([]);
  expect(faultsOf(mirror.store)).toEqual([]);
});

test('the mark of an index that may lack pins stays when a sweep takes a tag off it, so that the next prune leaves the pins, too', async () => {
  await mirror.push('goes');
  mirror.options = { tags: ['stays', 'goes'] };
  await mirror.sync();
  mirror.store.objects.delete(INDEX_KEY);
  await mirror.sync();
  mirror.options = { tags: ['stays'] };
  mirror.clock.advance(100 * DAY);
  expect(await planned()).toContain(`repositories/${NAME}/_tags/goes`);
  await mirror.pruneAll();
  const { manifests, annotations } = Object(mirror.store.json(INDEX_KEY));
  expect(manifests).toHaveLength(1);
  expect(annotations).toMatchObject({ 'dev.lifeboat.may-lack': 'pins' });
  mirror.clock.advance(100 * DAY);
  expect(await planned()).toEqual([]);
  expect(mirror.store.objects.has(manifestKey(digest))).toBe(true);
});

test('a manifest stays that nothing leads to, if the listing does not say when it was written', async () => {
  mirror.store.objects.delete(INDEX_KEY);
  mirror.clock.advance(400 * DAY);
  const entries = mirror.store.entries.bind(mirror.store);
  mirror.store.entries = async function* (prefix: string) {
    for await (const { key, size, etag } of entries(prefix)) yield { key, size, etag };
  };
  expect(await planned()).toEqual([]);
});
