/** A tag and its entry in the index are two objects. If a run dies between their writes, the tag still follows upstream. */
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import type { TagEntry } from '../../../../core/repository-index.ts';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { digestOf, digestOfTag, emptyRepository } from '../../../support/content.ts';
import { OCI_MANIFEST } from '../../../support/media-types.ts';
import { environmentFor, imageOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const INDEX = 'repositories/mirror.test/app/_index.json';
const TAG = 'repositories/mirror.test/app/_tags/latest';

test.each(['follow', 'hold'] as const)(
  'a run that died right after it moved a tag hides no rollback (rollback: %s)',
  async (rollback) => {
    const content = emptyRepository();
    const images = [];
    for (const name of ['a', 'b']) {
      images.push(addImage(content, { layers: [await addLayer(content, name)] }));
    }
    const [a, b] = images;
    if (a === undefined || b === undefined) throw new Error('two images');
    const source = new MemorySource('source.test/app', content);
    const store = new MemoryStore();
    const image = imageOf(source, 'mirror.test/app', { moves: { rollback } });
    const run = () => runMirror(environmentFor(store), 'default', [image]);
    const digestOfOurs = () => store.json(TAG);

    tagAs(content, a, 'latest');
    await run();
    expect(digestOfOurs()).toMatchObject({ digest: a.digest });

    tagAs(content, b, 'latest');
    let isDead = false;
    store.before = (call, key) => {
      if (isDead) throw new StoreError('the process is gone');
      isDead = call === 'put' && key === TAG;
    };
    await run();
    expect(digestOfOurs()).toMatchObject({ digest: b.digest });

    store.before = () => {};
    tagAs(content, a, 'latest');
    const { counts } = await run();
    expect(digestOfTag(content, 'latest')).toBe(a.digest);
    // The digest from before the run that died is still known, which makes this a rollback.
    const isFollowed = rollback === 'follow';
    expect(digestOfOurs()).toMatchObject({ digest: isFollowed ? a.digest : b.digest });
    expect([counts.moved, counts.held]).toEqual(isFollowed ? [1, 0] : [0, 1]);
  },
);

test('a tag moves only after the index has dropped it, and stays when the index cannot be written', async () => {
  const content = emptyRepository();
  const repository = parseRepository('mirror.test/app');
  const tag = parseTag('latest');
  const a = addImage(content, { layers: [await addLayer(content, 'a')] });
  const b = addImage(content, { layers: [await addLayer(content, 'b')] });
  tagAs(content, a, 'latest');
  const store = new MemoryStore();
  const image = imageOf(new MemorySource('source.test/app', content), 'mirror.test/app');
  const run = () => runMirror(environmentFor(store), 'default', [image]);
  await run();
  tagAs(content, b, 'latest');

  store.before = (call, key) => {
    if (call === 'put' && key === INDEX) throw new StoreError('The store is ill.');
  };
  // The tag, and the index.
  expect((await run()).counts.failed).toBe(2);
  expect(store.json(TAG)).toMatchObject({ digest: a.digest });

  const known: (string | undefined)[] = [];
  store.before = async (call, key) => {
    if (call === 'put' && key === INDEX) await setTimeout(20);
    if (call !== 'put' || key !== TAG) return;
    known.push((await RepositoryState.open(environmentFor(store), repository)).tag(tag)?.digest);
  };
  expect((await run()).counts.moved).toBe(1);
  expect(known).toEqual([undefined]);
});

test('tags that have moved are reported and counted as moved, also while the index cannot be written', async () => {
  const content = emptyRepository();
  const tags = ['one', 'two', 'three'];
  tagAs(content, addImage(content, { layers: [await addLayer(content, 'a')] }), ...tags);
  const store = new MemoryStore();
  const image = imageOf(new MemorySource('source.test/app', content), 'mirror.test/app', {
    moves: { maxMovesPerRun: 1 },
  });
  const run = () =>
    runMirror(environmentFor(store, { limits: { flushEveryMs: 0, tags: 1 } }), 'default', [image]);
  await run();
  const b = addImage(content, { layers: [await addLayer(content, 'b')] });
  tagAs(content, b, ...tags);

  let hasMoved = false;
  store.before = (call, key) => {
    if (call !== 'put') return;
    if (key === INDEX && hasMoved) {
      hasMoved = false;
      throw new StoreError('The store is ill.');
    }
    hasMoved ||= key.includes('/_tags/');
  };
  const { counts } = await run();
  expect(counts).toMatchObject({ moved: 1, held: 2, failed: 0 });
  const moved = tags.filter((tag) =>
    JSON.stringify(store.json(TAG.replace('latest', tag))).includes(b.digest),
  );
  expect(moved).toHaveLength(1);
});

function entry(tag: string, content: string): TagEntry {
  const digest = parseDigest(digestOf(Buffer.from(content)));
  const firstSeen = '2026-01-01T00:00:00.000Z';
  return { kind: 'tag', tag: parseTag(tag), mediaType: OCI_MANIFEST, digest, size: 7, firstSeen };
}

test('two runs that saw a tag at two digests leave it to the next run to look at', async () => {
  const repository = parseRepository('mirror.test/app');
  const store = new MemoryStore();
  const one = await RepositoryState.open(environmentFor(store), repository);
  const two = await RepositoryState.open(environmentFor(store), repository);
  await one.note(entry('latest', 'early'));
  await two.note(entry('latest', 'late'));
  await two.note(entry('other', 'other'));
  await one.flush();
  await two.flush();
  const next = await RepositoryState.open(environmentFor(store), repository);
  expect(next.tag(parseTag('latest'))).toBeUndefined();
  expect(next.tag(parseTag('other'))).toEqual(entry('other', 'other'));
});
