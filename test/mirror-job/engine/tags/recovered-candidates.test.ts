/** An index that is made anew from another store's never has the digest of a tag as one that waits for a decision, too. */
import { beforeEach, expect, test } from 'vitest';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { INDEX_KEY, TagFixture } from './tag-fixture.ts';

let fixture: TagFixture;
let other: MemoryStore;

/** In the other store, `a` is held and `b` and `c` wait. In the first one, a person has moved the tag on to `b` since. */
beforeEach(async () => {
  fixture = new TagFixture();
  for (const name of ['c', 'a', 'b']) await fixture.sync(name);
  await fixture.revert({ to: 'a' });
  other = new MemoryStore('The other store');
  for (const [key, object] of fixture.store.objects) other.objects.set(key, object);
  await fixture.approve('b');
  fixture.store.objects.delete(INDEX_KEY);
});

function open(replicas: readonly MemoryStore[]): Promise<RepositoryState> {
  const { repository } = fixture;
  return RepositoryState.open({ ...fixture.environment(), replicas: () => replicas }, repository);
}

const indexed = (): string[] =>
  fixture.index().map(({ kind, digest }) => `${kind} ${fixture.nameOf(digest)}`);

/** Opens the index with both stores, and writes it. @returns what it has then */
async function recovered(): Promise<string[]> {
  const state = await open([fixture.store, other]);
  expect(state.candidates(fixture.tag).map(({ digest }) => fixture.nameOf(digest))).toEqual(['c']);
  await state.flush();
  return indexed().toSorted();
}

test('a tag whose index is lost keeps its digest, which waited in the other store', async () => {
  expect(await recovered()).toEqual(['candidate c', 'tag b']);
});

test('so does one whose index was made anew from the tags before, with the mark that it may lack pins', async () => {
  await (await open([fixture.store])).flush();
  expect(indexed()).toEqual(['tag b']);
  const mark = { annotations: { 'dev.lifeboat.may-lack': 'pins' } };
  expect(fixture.store.json(INDEX_KEY)).toMatchObject(mark);
  expect(await recovered()).toEqual(['candidate c', 'tag b']);
  expect(fixture.store.json(INDEX_KEY)).not.toMatchObject(mark);
});
