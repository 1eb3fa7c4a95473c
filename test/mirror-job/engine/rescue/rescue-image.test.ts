/** A rescue beside runs that move the same tag at that moment, which nothing real does on time, and what it leaves in the index. */
import { expect, test } from 'vitest';
import type { Digest } from '../../../../core/digest.ts';
import { parseDigest } from '../../../../core/digest.ts';
import { decodeRepositoryIndex } from '../../../../core/repository-index.ts';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import { rescueImage, type Rescue } from '../../../../mirror-job/engine/rescue/rescue-image.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { environmentFor, TestClock } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const NAME = parseRepository('mirror.test/app');
const TAG = parseTag('1');
const TAG_KEY = 'repositories/mirror.test/app/_tags/1';
const INDEX_KEY = 'repositories/mirror.test/app/_index.json';

class Scene {
  readonly store = new MemoryStore();
  readonly clock = new TestClock();

  /** Rescues the tag `1`, or what `more` says, from content. */
  async rescue(content: Repository, more: Partial<Rescue> = {}) {
    return rescueImage(environmentFor(this.store, { clock: this.clock }), {
      name: 'default',
      repository: NAME,
      tag: TAG,
      digest: undefined,
      source: new MemorySource('source.test/app', content),
      sourceTag: TAG,
      unnamed: [],
      buckets: [this.store],
      mustBePublic: false,
      why: () => 'rescued',
      by: undefined,
      admit: async () => false,
      ...more,
    });
  }

  tag(): string {
    return String(Object(this.store.json(TAG_KEY))['digest']);
  }
}

/** An image under the tag `1`. */
async function contentWith(seed: string): Promise<{ content: Repository; digest: Digest }> {
  const content = emptyRepository();
  const image = addImage(content, { layers: [await addLayer(content, seed)] });
  tagAs(content, image, '1');
  return { content, digest: parseDigest(image.digest) };
}

test('a tag that a run publishes during the copy is not moved by a rescue that names no digest', async () => {
  const scene = new Scene();
  const [newer, older] = [await contentWith('newer'), await contentWith('older')];
  let isPublished = false;
  scene.store.before = async (call, key) => {
    if (isPublished || call !== 'put' || !key.includes('/_manifests/')) return;
    isPublished = true;
    await scene.rescue(newer.content);
  };
  await expect(scene.rescue(older.content)).rejects.toThrow(`To move the tag, name the digest`);
  expect(isPublished).toBe(true);
  expect(scene.tag()).toBe(newer.digest);
});

test('a rescue that names the digest moves a held tag, and the tag stays held', async () => {
  const scene = new Scene();
  const [newer, older] = [await contentWith('newer'), await contentWith('older')];
  await scene.rescue(newer.content);
  const { annotations, ...tag } = Object(scene.store.json(TAG_KEY));
  const held = { ...tag, annotations: { ...annotations, 'dev.lifeboat.hold': 'reverted: it is broken' } };
  await scene.store.put(TAG_KEY, Buffer.from(JSON.stringify(held)), { contentType: 'application/json' });
  const done = await scene.rescue(older.content, { digest: older.digest });
  expect(done.hold).toBe('reverted: it is broken');
  expect(scene.tag()).toBe(older.digest);
  expect(Object(scene.store.json(TAG_KEY)).annotations).toMatchObject({
    'dev.lifeboat.hold': 'reverted: it is broken',
  });
});

test('a digest that is pinned already is pinned as of now, because pruning goes by that time', async () => {
  const scene = new Scene();
  const { content, digest } = await contentWith('one');
  const pinned = async () => {
    await scene.rescue(content, { tag: undefined, sourceTag: undefined, digest });
    const index = scene.store.objects.get(INDEX_KEY)?.bytes ?? new Uint8Array();
    return decodeRepositoryIndex(INDEX_KEY, index).map(({ kind, firstSeen }) => [kind, firstSeen]);
  };
  expect(await pinned()).toEqual([['pin', '2026-01-01T00:00:00.000Z']]);
  scene.clock.advance(24 * 60 * 60 * 1000);
  expect(await pinned()).toEqual([['pin', '2026-01-02T00:00:00.000Z']]);
});
