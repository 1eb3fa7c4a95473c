/** The stored platforms of an index, found by looking for its children. */
import { expect, test } from 'vitest';
import { parseManifest } from '../../../../core/manifest.ts';
import { parseRepository } from '../../../../core/reference.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { findStoredPlatforms } from '../../../../mirror-job/engine/copy/stored-platforms.ts';
import { AMD64, ARM64, addImage, addIndex, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { addMultiPlatform } from '../../../support/corpus.ts';
import { environmentFor, imageOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const repository = parseRepository('mirror.test/app');

test.each([
  ['an index', false],
  ['an index in an index', true],
])('the stored platforms are found for %s', async (_name, isNested) => {
  const content = emptyRepository();
  const inner = await addMultiPlatform(content, 'app');
  tagAs(content, isNested ? addIndex(content, [inner]) : inner, 'one');
  const root = content.manifests.get(content.tags.get('one') ?? '');
  const manifest = parseManifest(root?.bytes ?? Buffer.alloc(0));
  const source = new MemorySource('source.test/app', content);
  const store = new MemoryStore();
  const stored = async (...platforms: readonly string[]) => {
    const options = { tags: ['one'], ...(platforms.length > 0 && { platforms }) };
    await runMirror(environmentFor(store), 'default', [imageOf(source, repository, options)]);
    return findStoredPlatforms(store, repository, manifest);
  };
  expect(await findStoredPlatforms(store, repository, manifest)).toEqual([]);
  // Normalized, so that the next run finds nothing to do: the index says linux/arm64/v8.
  expect(await stored('linux/arm64')).toEqual(['linux/arm64']);
  expect(await stored()).toBeUndefined();
});

test.each([
  ['missing', ['linux/amd64', 'linux/arm64']],
  ['stored', ['linux/amd64']],
])(
  'an attestation that is %s is no platform, and an index that lacks a child is not whole',
  async (state, expected) => {
    const content = emptyRepository();
    const layers = [await addLayer(content, 'app')];
    const image = addImage(content, { platform: AMD64, layers });
    const unknown = { os: 'unknown', architecture: 'unknown' };
    const attestation = addImage(content, { platform: unknown, layers });
    const other = addImage(content, { platform: ARM64, layers });
    const index = addIndex(content, [image, attestation, other]);
    const missing = state === 'missing' ? attestation : other;
    const store = new MemoryStore();
    for (const [digest, { bytes, mediaType }] of content.manifests) {
      if (digest === missing.digest) continue;
      const key = `repositories/mirror.test/app/_manifests/${digest.replace(':', '/')}`;
      await store.put(key, bytes, { contentType: mediaType });
    }
    const manifest = parseManifest(content.manifests.get(index.digest)?.bytes ?? Buffer.alloc(0));
    expect(await findStoredPlatforms(store, repository, manifest)).toEqual(expected);
  },
);

test('a manifest that is no index is whole', async () => {
  const content = emptyRepository();
  const image = addImage(content, { layers: [await addLayer(content, 'app')] });
  const manifest = parseManifest(content.manifests.get(image.digest)?.bytes ?? Buffer.alloc(0));
  expect(await findStoredPlatforms(new MemoryStore(), repository, manifest)).toBeUndefined();
});
