/** A list of tags stays in memory until the last image has selected from it, and not until the run ends. */
import { expect, test } from 'vitest';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { startRogueRegistry } from '../../../support/rogue-registry.ts';
import { environmentFor, imageOf, outcomesOf, sourceAt } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

async function contentOf() {
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'one')] }), 'one');
  return app;
}

test('a source is told once when its tags are selected, and once when the work on it is done', async () => {
  const told: string[] = [];
  class ToldSource extends MemorySource {
    forgetTags(): void {
      told.push(`${this.name} selected`);
    }
    leave(): void {
      told.push(`${this.name} done`);
    }
    override async tags() {
      told.push(`${this.name} listed`);
      return super.tags();
    }
  }
  const app = await contentOf();
  const shared = new ToldSource('shared', app);
  const named = new ToldSource('named', app);
  const report = await runMirror(environmentFor(new MemoryStore()), 'default', [
    imageOf(shared, 'mirror.test/a'),
    imageOf(shared, 'mirror.test/b'),
    imageOf(named, 'mirror.test/c', { tags: ['one'] }),
  ]);
  expect(outcomesOf(report)).toEqual({
    'mirror.test/a:one': 'created',
    'mirror.test/b:one': 'created',
    'mirror.test/c:one': 'created',
  });
  expect(told.filter((line) => line.startsWith('shared'))).toEqual([
    'shared listed',
    'shared listed',
    'shared selected',
    'shared done',
  ]);
  expect(told.filter((line) => line.startsWith('named'))).toEqual(['named done']);
});

test('a source whose list failed is told, too', async () => {
  let forgotten = 0;
  const source = Object.assign(new MemorySource('broken', await contentOf()), {
    tags: async () => {
      throw new Error('no list');
    },
    forgetTags: () => (forgotten += 1),
  });
  await runMirror(environmentFor(new MemoryStore()), 'default', [imageOf(source, 'mirror.test/a')]);
  expect(forgotten).toBe(1);
});

test('a registry gets a second request for a list that was forgotten, and for no other list', async () => {
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/app', await contentOf()]]) },
  });
  try {
    const source = await sourceAt(registry.host, 'team/app');
    const lists = () => registry.requests.filter(({ kind }) => kind === 'tags').length;
    expect([await source.tags(), await source.tags(), lists()]).toEqual([['one'], ['one'], 1]);
    source.forgetTags?.();
    expect([await source.tags(), lists()]).toEqual([['one'], 2]);
    source.leave?.();
    expect([await source.tags(), lists()]).toEqual([['one'], 3]);
  } finally {
    await registry.stop();
  }
});
