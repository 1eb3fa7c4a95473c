/** A blob that is too large for an upload is refused with its manifest, and nothing else suffers. */
import { afterEach, expect, test } from 'vitest';
import { BufferPool } from '../../../../mirror-job/engine/transfer/buffer-pool.ts';
import { MEMORY_BUDGET_BYTES } from '../../../../mirror-job/engine/run-state.ts';
import { DEFAULT_LIMITS } from '../../../../mirror-job/engine/runtime.ts';
import { planMirror } from '../../../../mirror-job/engine/run/plan.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import type { ListedObject } from '../../../../mirror-job/engine/store/store.ts';
import { addImage, addLayer, addManifest, tagAs, type Descriptor } from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../../support/media-types.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import { environmentFor, imageOf, outcomesOf, sourceAt } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { Mirror } from '../replication/several-stores.ts';

/** 9,000 parts of 32 MiB, which is half of the buffers. */
const LARGEST = 301_989_888_000;

const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

async function serve(path: string, repository: Repository) {
  const registry = await startRogueRegistry({ corpus: { repositories: new Map([[path, repository]]) } });
  registries.push(registry);
  return { registry, source: await sourceAt(registry.host, path) };
}

function environmentOf(store: MemoryStore) {
  const limits = { partBytes: DEFAULT_LIMITS.partBytes };
  return {
    ...environmentFor(store, { limits }),
    buffers: new BufferPool(MEMORY_BUDGET_BYTES, limits.partBytes),
  };
}

type Place = 'layer' | 'config' | 'entry of an index';

/** An image, or the index of a build cache, that lists one blob with another size than it has. */
function listing(place: Place, repository: Repository, good: Descriptor, size: number): Descriptor {
  const blob = { ...good, size };
  if (place === 'entry of an index') {
    return addManifest(repository, { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [blob] });
  }
  const [config, layer] = place === 'config' ? [blob, good] : [good, blob];
  return addManifest(repository, { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [layer] });
}

function sentence(source: string, blob: Descriptor, manifest: Descriptor, size: number): string {
  return `${source}: the blob ${blob.digest} of the manifest ${manifest.digest} is listed with ${size} bytes, more than the ${LARGEST} that Lifeboat can upload. Exclude the tags that need it, or have the publisher correct the size.`;
}

test.each([
  ['layer', 9e15],
  ['layer', 40e12],
  ['layer', LARGEST + 1],
  ['config', 9e15],
  ['entry of an index', 9e15],
] as const)(
  'a %s of %d bytes fails its tag, and the image of another upstream is mirrored',
  async (place, size) => {
    const [bad, good] = [emptyRepository(), emptyRepository()];
    const layer = await addLayer(bad, 'layer');
    const manifest = listing(place, bad, layer, size);
    tagAs(bad, manifest, 'bad');
    tagAs(good, addImage(good, { layers: [await addLayer(good, 'good')] }), 'v1');
    const theirs = await serve('bad/app', bad);
    const ours = await serve('good/app', good);
    const store = new MemoryStore();
    const environment = environmentOf(store);
    const report = await runMirror(environment, 'default', [
      imageOf(theirs.source, 'mirror.test/bad'),
      imageOf(ours.source, 'mirror.test/good'),
    ]);
    expect(outcomesOf(report)).toEqual({
      'mirror.test/bad:bad': sentence(theirs.source.name, layer, manifest, size),
      'mirror.test/good:v1': 'created',
    });
    // The image's other blobs were not fetched either.
    expect(theirs.registry.requests.filter(({ kind }) => kind === 'blob')).toEqual([]);
    expect(environment.buffers.used).toBe(0);
  },
);

test('a blob of the largest size is fetched', async () => {
  const repository = emptyRepository();
  const layer = await addLayer(repository, 'layer');
  tagAs(repository, listing('layer', repository, layer, LARGEST), 'bad');
  const source = new MemorySource('source.test/app', repository);
  const report = await runMirror(environmentOf(new MemoryStore()), 'default', [
    imageOf(source, 'mirror.test/app'),
  ]);
  expect(outcomesOf(report)).toEqual({
    'mirror.test/app:bad': `source.test/app sent ${layer.size} of the ${LARGEST} bytes that the manifest gives for ${layer.digest}.`,
  });
});

test('a plan reports the same as the run', async () => {
  const repository = emptyRepository();
  const layer = await addLayer(repository, 'layer');
  const manifest = listing('layer', repository, layer, 9e15);
  tagAs(repository, manifest, 'bad');
  const source = new MemorySource('source.test/app', repository);
  const plan = await planMirror(environmentOf(new MemoryStore()), 'default', [
    imageOf(source, 'mirror.test/app'),
  ]);
  expect(outcomesOf(plan)).toEqual({ 'mirror.test/app:bad': sentence(source.name, layer, manifest, 9e15) });
  expect(plan.cost.bytes).toBe(0);
});

/** Lists each blob with a size that no blob has. */
class BoastingStore extends MemoryStore {
  override async *entries(prefix: string): AsyncGenerator<ListedObject> {
    for await (const entry of super.entries(prefix)) {
      yield entry.key.startsWith('blobs/') ? { ...entry, size: 9e15 } : entry;
    }
  }
}

test('a store that lists a blob with such a size leaves the other store behind, and ends no run', async () => {
  const [a, b] = [new BoastingStore('A'), new MemoryStore('B')];
  const mirror = await Mirror.create(a, b);
  await mirror.run([a]);
  const { stores } = await mirror.run();
  expect(stores?.map(({ state }) => state)).toEqual(['in step', 'behind']);
  // The parts of this mirror have 1,000 bytes.
  expect(stores?.[1]?.reason).toMatch(
    /^A: the blob sha256:[0-9a-f]{64} is listed with 9000000000000000 bytes, more than the 9000000 that Lifeboat can upload\./,
  );
  expect(mirror.environment?.buffers.used).toBe(0);
});
