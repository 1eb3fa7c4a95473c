/** Limits never block each other: a run ends and is complete, however small each limit is. */
import { afterEach, expect, test } from 'vitest';
import { BufferPool } from '../../../../mirror-job/engine/transfer/buffer-pool.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { NO_BUDGET } from '../../../../mirror-job/sources/registry/pace/budget.ts';
import { RegistrySource } from '../../../../mirror-job/sources/registry/registry-source.ts';
import {
  AMD64,
  ARM64,
  addImage,
  addIndex,
  addLayer,
  addStreamedLayer,
  tagAs,
} from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import { environmentFor, imageOf, registryAt } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const PART = 64 * 1024;
const TAGS = 6;

let registry: RogueRegistry | undefined;
afterEach(() => registry?.stop());

/** Tags for two platforms. Their layers have one part or several, and some are shared. */
async function build(seed: string): Promise<Repository> {
  const content = emptyRepository();
  const shared = await addStreamedLayer(content, 'shared by all', 5 * PART + 1);
  for (let index = 0; index < TAGS; index += 1) {
    const children = [];
    for (const platform of [AMD64, ARM64]) {
      const name = `${seed} ${index} ${platform.architecture}`;
      const layers = [shared, await addLayer(content, name), await addStreamedLayer(content, name, 3 * PART)];
      children.push(addImage(content, { layers, platform }));
    }
    tagAs(content, addIndex(content, children), `t${index}`);
  }
  return content;
}

test.each([
  { title: 'one of everything', tags: 1, repositories: 1, blobs: 1, ranges: 1, parts: 1, concurrency: 1 },
  { title: 'one part for many', tags: 16, repositories: 32, blobs: 16, ranges: 4, parts: 1, concurrency: 64 },
  {
    title: 'one request at once',
    tags: 16,
    repositories: 32,
    blobs: 16,
    ranges: 4,
    parts: 2,
    concurrency: 1,
  },
  { title: 'one blob at once', tags: 16, repositories: 2, blobs: 1, ranges: 4, parts: 2, concurrency: 2 },
  {
    title: 'turns, because of a budget',
    tags: 2,
    repositories: 2,
    blobs: 2,
    ranges: 2,
    parts: 1,
    budget: 999,
  },
  { title: 'no ranges', tags: 16, repositories: 2, blobs: 16, ranges: 0, parts: 1, concurrency: 2 },
])(
  'a run ends and is complete with $title',
  async ({ tags, repositories, blobs, ranges, parts, concurrency = 2, budget }) => {
    const names = ['one', 'two', 'three'];
    const corpus = new Map<string, Repository>();
    for (const name of names) corpus.set(name, await build(name));
    registry = await startRogueRegistry({ corpus: { repositories: corpus } });
    const client = await registryAt(registry.host, {
      timeoutMs: 20_000,
      concurrency,
      budget: { ...NO_BUDGET, manifestGetsPerRun: budget },
    });
    const store = new MemoryStore();
    const rangesFromBytes = ranges === 0 ? Infinity : 2 * PART;
    const rangesAtOnce = Math.max(ranges, 1);
    const limits = {
      tags,
      repositories,
      blobs,
      partBytes: PART,
      rangesFromBytes,
      rangesAtOnce,
      flushEveryMs: 0,
    };
    const pool = new BufferPool(parts * PART, PART);
    const environment = { ...environmentFor(store, { limits }), buffers: pool };
    const images = names.map((name) => imageOf(new RegistrySource(client, name), `mirror.test/${name}`));
    const { counts, items } = await runMirror(environment, 'default', images);
    expect([counts.created, items.length]).toEqual([names.length * TAGS, names.length * TAGS]);
    // No upload is unfinished, and all memory was given back.
    expect([store.uploads.size, pool.used]).toEqual([0, 0]);
    // One shared layer; two layers and a config per child; an index and two children per tag.
    const each = names.length * TAGS;
    expect(store.keys('blobs/sha256/').filter((key) => key.startsWith('blobs/')).length).toBe(1 + each * 6);
    expect(store.keys('/_manifests/').length).toBe(each * 3);
  },
  30_000,
);
