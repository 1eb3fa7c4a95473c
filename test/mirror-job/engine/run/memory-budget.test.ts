/** The memory of a run is bounded, however much it does, and a forgotten object costs no request upstream. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { parseDescriptor } from '../../../../core/descriptor.ts';
import { parseRepository } from '../../../../core/reference.ts';
import { BlobCopier } from '../../../../mirror-job/engine/copy/blob-copy.ts';
import { FairShare } from '../../../../mirror-job/engine/support/fair-share.ts';
import { AsyncCache } from '../../../../mirror-job/engine/support/async-cache.ts';
import { MemoryBudget } from '../../../../mirror-job/engine/support/memory-budget.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import type { SourceManifest } from '../../../../mirror-job/engine/source.ts';
import type { PutResult, StoredObject } from '../../../../mirror-job/engine/store/store.ts';
import { addBytes, addImage, addIndex, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { OCI_LAYER } from '../../../support/media-types.ts';
import { environmentFor, imageOf, outcomesOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const MEBIBYTE = 1024 * 1024;

test('the oldest things are forgotten first, as many as it takes', () => {
  const memoryBudget = new MemoryBudget(100);
  const forgotten: string[] = [];
  const keep = (name: string, bytes: number) => memoryBudget.keep(bytes, () => forgotten.push(name));
  keep('first', 40);
  keep('second', 40);
  keep('third', 20);
  expect(forgotten).toEqual([]);
  keep('fourth', 41);
  expect(forgotten).toEqual(['first', 'second']);
  keep('huge', 101);
  expect(forgotten).toEqual(['first', 'second', 'third', 'fourth', 'huge']);
});

test('what a scope keeps is forgotten when it closes, and no longer counts', () => {
  const memoryBudget = new MemoryBudget(100);
  const forgotten: string[] = [];
  const [one, other] = [memoryBudget.open(), memoryBudget.open()];
  one.keep(30, () => forgotten.push('one'));
  other.keep(30, () => forgotten.push('other'));
  one.keep(30, () => forgotten.push('one more'));
  expect(memoryBudget.used).toBe(90);
  one.close();
  expect(forgotten).toEqual(['one', 'one more']);
  expect(memoryBudget.used).toBe(30);
  // A result that comes after the scope has closed is forgotten at once.
  one.keep(30, () => forgotten.push('late'));
  expect(forgotten).toEqual(['one', 'one more', 'late']);
  expect(memoryBudget.used).toBe(30);
  // All scopes share the budget.
  memoryBudget.open().keep(71, () => forgotten.push('large'));
  expect(forgotten).toEqual(['one', 'one more', 'late', 'other']);
  other.close();
  expect(forgotten).toEqual(['one', 'one more', 'late', 'other']);
  expect(memoryBudget.used).toBe(71);
});

test('a cache begins anew what it has forgotten, and not what is running', async () => {
  const cache = new AsyncCache<string, number>({ memoryBudget: new MemoryBudget(2), weigh: () => 1 });
  let begun = 0;
  const start = async () => {
    begun += 1;
    return begun;
  };
  const slow = Promise.withResolvers<number>();
  const running = cache.get('slow', () => slow.promise);
  for (const key of ['a', 'b', 'c', 'b']) await cache.get(key, start);
  expect(begun).toBe(3);
  expect(cache.peek('a')).toBeUndefined();
  expect(cache.get('slow', start)).toBe(running);
  slow.resolve(7);
  expect(await cache.get('slow', start)).toBe(7);
  expect(await cache.get('a', start)).toBe(4);
});

/** Accepts every write, and stores nothing. */
class ForgetfulStore extends MemoryStore {
  override async get(): Promise<StoredObject | undefined> {
    return undefined;
  }

  override async put(key: string): Promise<PutResult> {
    this.calls.push(`put ${key}`);
    return 'written';
  }
}

/** Counts which of the manifests that it has sent are still in memory. */
class WatchedSource extends MemorySource {
  readonly #sent: WeakRef<Uint8Array>[] = [];

  override async manifest(
    ...reference: Parameters<MemorySource['manifest']>
  ): Promise<SourceManifest | undefined> {
    const manifest = await super.manifest(...reference);
    if (manifest !== undefined) this.#sent.push(new WeakRef(manifest.bytes));
    return manifest;
  }

  /** Bytes. */
  alive(): number {
    collect();
    return this.#sent.reduce((sum, sent) => sum + (sent.deref()?.length ?? 0), 0);
  }
}

function collect(): void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  if (typeof gc === 'function') Reflect.apply(gc, undefined, []);
}

/**
 * Tags whose indexes list images with manifests of 25 kB.
 * @param more the bytes by which an index overstates the size of each manifest
 */
async function indexes(tags: number, platforms: number, more = 0): Promise<Repository> {
  const repository = emptyRepository();
  const layer = await addLayer(repository, 'shared');
  for (let tag = 0; tag < tags; tag += 1) {
    const images = Array.from({ length: platforms }, (_, platform) =>
      addImage(repository, {
        layers: [layer],
        annotations: { name: `${tag} ${platform}`, padding: 'x'.repeat(25_000) },
      }),
    );
    const listed = images.map(({ mediaType, digest, size }) => ({ mediaType, digest, size: size + more }));
    tagAs(repository, addIndex(repository, listed), `tag-${tag}`);
  }
  return repository;
}

/** @returns the bytes of manifests in memory when the last tag is requested, and the run's report */
async function runWatched(repository: Repository, last: string) {
  const source = new WatchedSource('source.test/app', repository);
  const total = [...repository.manifests.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  expect(total).toBeGreaterThan(40 * MEBIBYTE);
  let alive = 0;
  source.before = async (call, what) => {
    if (call !== 'manifest' || what !== last) return;
    // A manifest that somebody awaits right now is still in memory.
    await new Promise((resolve) => setImmediate(resolve));
    alive = source.alive();
  };
  const report = await runMirror(environmentFor(new ForgetfulStore()), 'default', [
    imageOf(source, 'mirror.test/app', { referrersEveryMs: false }),
  ]);
  return { alive, counts: report.counts };
}

test('manifests that are written are forgotten while the run goes on', async () => {
  const { alive, counts } = await runWatched(await indexes(400, 5), 'tag-399');
  expect(counts.created).toBe(400);
  expect(alive).toBeGreaterThan(0);
  expect(alive).toBeLessThan(8 * MEBIBYTE);
}, 60_000);

test('manifests that are refused, because their index gives another size, are forgotten too', async () => {
  const { alive, counts } = await runWatched(await indexes(400, 5, 1), 'tag-399');
  expect(counts.failed).toBe(400);
  expect(alive).toBeGreaterThan(0);
  expect(alive).toBeLessThan(20 * MEBIBYTE);
}, 60_000);

test('a tag whose manifests were forgotten takes them from the bucket', async () => {
  const repository = await indexes(120, 5);
  // Another tag of the first image, at the end of the list.
  tagAs(repository, { mediaType: '', size: 0, digest: repository.tags.get('tag-0') ?? '' }, 'zuletzt');
  const source = new MemorySource('source.test/app', repository);
  const store = new MemoryStore();
  const report = await runMirror(environmentFor(store), 'default', [
    imageOf(source, 'mirror.test/app', { referrersEveryMs: false }),
  ]);
  expect(report.counts.created).toBe(121);
  const asked = source.calls.filter((call) => call.startsWith('manifest sha256:'));
  expect(asked.length).toBe(120 * 5);
  expect(new Set(asked).size).toBe(120 * 5);
  expect(source.calls.filter((call) => call.startsWith('blob ')).length).toBe(repository.blobs.size);
});

test('nothing that a repository needed is kept when its work has ended', async () => {
  const repository = emptyRepository();
  const layer = await addLayer(repository, 'shared');
  for (let tag = 0; tag < 50; tag += 1) {
    const annotations = { name: `${tag}`, padding: 'x'.repeat(25_000) };
    tagAs(repository, addImage(repository, { layers: [layer], annotations }), `tag-${tag}`);
  }
  const first = new WatchedSource('source.test/first', repository);
  const second = new MemorySource('source.test/second', emptyRepository());
  const alive: number[] = [];
  second.before = async (call) => {
    if (call !== 'tags') return;
    await new Promise((resolve) => setImmediate(resolve));
    alive.push(first.alive());
  };
  const environment = environmentFor(new ForgetfulStore(), { limits: { repositories: 1 } });
  const report = await runMirror(environment, 'default', [
    imageOf(first, 'mirror.test/first', { referrersEveryMs: false }),
    imageOf(second, 'mirror.test/second'),
  ]);
  expect(report.counts.created).toBe(50);
  expect(alive).toEqual([0]);
});

test('the links of a repository are forgotten with it, and the blobs of the bucket are not', async () => {
  const repository = emptyRepository();
  const blobs = Array.from({ length: 10 }, (_, index) =>
    parseDescriptor(addBytes(repository, OCI_LAYER, Buffer.from(`${index}`)), 'a layer'),
  );
  const source = new MemorySource('source.test/app', repository);
  const environment = environmentFor(new MemoryStore());
  const copier = new BlobCopier(environment, new FairShare(4));
  const [one, other] = [parseRepository('mirror.test/one'), parseRepository('mirror.test/other')];
  const ensure = (to: typeof one) =>
    Promise.all(blobs.map((blob) => copier.ensure(to, blob, source, environment.tally)));
  await ensure(one);
  const each = copier.remembered / 20;
  await ensure(other);
  expect(copier.remembered).toBe(30 * each);
  copier.leave(one);
  expect(copier.remembered).toBe(20 * each);
  copier.leave(other);
  expect(copier.remembered).toBe(10 * each);
  expect(source.calls.length).toBe(10);
});

test('no more repositories are open at once than the limit says', async () => {
  const store = new MemoryStore();
  let open = 0;
  let most = 0;
  const images = ['a', 'b', 'c', 'd', 'e'].map((name) => {
    const source = new MemorySource(`source.test/${name}`, emptyRepository());
    source.before = async (call) => {
      if (call !== 'tags') return;
      open += 1;
      most = Math.max(most, open);
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
    };
    return imageOf(source, `mirror.test/${name}`);
  });
  const report = await runMirror(environmentFor(store, { limits: { repositories: 2 } }), 'default', images);
  expect(outcomesOf(report)).toEqual({});
  expect(most).toBe(2);
});
