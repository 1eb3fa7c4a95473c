/** The index of a repository is lost while a run is at work: the run writes all that it had read of it, and the mark. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import {
  encodeRepositoryIndex,
  readRepositoryIndex,
  type TagEntry,
} from '../../../../core/repository-index.ts';
import { OCI_DESCRIPTOR } from '../../../../core/media-type.ts';
import { encodeTag } from '../../../../core/tag-object.ts';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { digestOf } from '../../../support/content.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../../support/media-types.ts';
import { environmentFor } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const repository = parseRepository('mirror.test/app');
const INDEX = 'repositories/mirror.test/app/_index.json';

function entry(tag: string, content = tag): TagEntry {
  const digest = parseDigest(digestOf(Buffer.from(content)));
  const firstSeen = '2026-01-01T00:00:00.000Z';
  return { kind: 'tag', tag: parseTag(tag), mediaType: OCI_MANIFEST, digest, size: 7, firstSeen };
}

/** A state that has read an index with two tags and a pin, and an index that is lost since then. */
async function lostMeanwhile(how: 'missing' | 'unreadable') {
  const store = new MemoryStore();
  const environment = environmentFor(store);
  const { digest, mediaType, size, firstSeen } = entry('pinned');
  const pin = { kind: 'pin' as const, digest, mediaType, size, firstSeen };
  const bytes = encodeRepositoryIndex([entry('one'), entry('two'), pin], { listsEveryTag: true });
  await store.put(INDEX, bytes, { contentType: OCI_INDEX });
  const lost: string[] = [];
  const state = await RepositoryState.open(environment, repository, {
    onLost: (message) => lost.push(message),
  });
  const lose = async (): Promise<void> => {
    if (how === 'missing') store.objects.delete(INDEX);
    else await store.put(INDEX, Buffer.from('{'), { contentType: OCI_INDEX });
  };
  return { store, state, pin, lost, lose };
}

const stored = (store: MemoryStore) =>
  readRepositoryIndex(INDEX, store.objects.get(INDEX)?.bytes ?? new Uint8Array());

test.each(['missing', 'unreadable'] as const)(
  'an index that is %s since it was read is written with all that was read of it, and with the mark',
  async (how) => {
    const { store, state, pin, lost, lose } = await lostMeanwhile(how);
    await lose();
    await state.note(entry('three'));
    await state.flush();
    expect(stored(store).entries).toEqual(
      expect.arrayContaining([entry('one'), entry('two'), entry('three'), pin]),
    );
    expect(stored(store)).toMatchObject({ mayLackPins: true, listsEveryTag: false });
    expect(lost).toEqual([
      `${INDEX} ${how === 'missing' ? 'is missing' : 'could not be read'}, and was whole before: it was made anew from what this run had read of it. Pins, and digests that waited for a decision, may be lost. "lifeboat verify --repair" names the digests of mirror.test/app that may have lost their pin; until then, pruning leaves them.`,
    ]);
    // It is lost again, now that this run has written it.
    await lose();
    await state.note(entry('four'));
    await state.flush();
    expect(stored(store).entries).toHaveLength(5);
  },
);

test('a tag that was taken off or moved since the index was read is not put back into one that is lost', async () => {
  const { store, state, pin, lose } = await lostMeanwhile('missing');
  await state.unlist(parseTag('one'));
  const moved = encodeTag({
    mediaType: OCI_MANIFEST,
    digest: entry('two', 'moved').digest,
    bytes: new Uint8Array(Buffer.from('moved')),
    moved: '2026-01-01T00:00:00.000Z',
    run: 'hand',
  });
  await store.put('repositories/mirror.test/app/_tags/two', moved, { contentType: OCI_DESCRIPTOR });
  await lose();
  await state.note(entry('three'));
  await state.flush();
  expect(
    stored(store)
      .entries.map((one) => (one.kind === 'tag' ? one.tag : one.digest))
      .toSorted(),
  ).toEqual([pin.digest, 'three'].toSorted());
});

test('an index that is lost and made anew when it is opened has no mark if another store had it, although it is missing until the first write', async () => {
  const [store, other] = [new MemoryStore('A'), new MemoryStore('B')];
  await other.put(INDEX, encodeRepositoryIndex([entry('one')]), { contentType: OCI_INDEX });
  await store.put('repositories/mirror.test/app/_tags/two', Buffer.from('{}'), { contentType: 'a/b' });
  const environment = { ...environmentFor(store), replicas: () => [store, other] };
  const state = await RepositoryState.open(environment, repository);
  await state.note(entry('three'));
  await state.flush();
  expect(stored(store)).toMatchObject({ mayLackPins: false, entries: [entry('three')] });
});
