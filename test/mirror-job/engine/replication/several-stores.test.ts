/** Several stores are several whole mirrors, filled in one go: upstream is read once, and the primary moves last. */
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { addArtifact, addImage, addStreamedLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { SPDX } from '../../../support/media-types.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { expectWhole, Mirror, move, pairOf, ROOT, smallRepository, tagIn } from './several-stores.ts';

const IN_STEP = [
  { name: 'A', state: 'in step' },
  { name: 'B', state: 'in step' },
];

test('both stores are whole after one run, and upstream is asked no more than for one store', async () => {
  const mirror = await Mirror.create();
  const report = await mirror.run();
  expect(report.counts).toEqual({
    unchanged: 0,
    created: 2,
    moved: 0,
    failed: 0,
    skipped: 0,
    held: 0,
    gone: 0,
  });
  expect(report.stores).toEqual(IN_STEP);
  expectWhole(mirror);
  const { calls } = mirror.source;
  const alone = new Mirror(await smallRepository(), [new MemoryStore('A')]);
  await alone.run();
  expect(calls.toSorted()).toEqual(alone.source.calls.toSorted());
  expect(calls.filter((call) => call.startsWith('blob ')).length).toBe(
    new Set(calls.filter((call) => call.startsWith('blob '))).size,
  );
});

test('each object is in the later store before it is in the primary', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  const early: string[] = [];
  a.before = (call, key) => {
    if ((call !== 'put' && call !== 'completeUpload') || !/^(?:blobs|repositories)\//.test(key)) return;
    if (!b.objects.has(key)) early.push(key);
  };
  await mirror.run();
  expect(early).toEqual([]);
  await move(mirror.repository, 'one', 'moved');
  const tag = `${ROOT}/_tags/one`;
  const moved: boolean[] = [];
  a.before = (call, key) => {
    if (call === 'put' && key === tag) moved.push(tagIn(a, 'one') !== tagIn(b, 'one'));
  };
  await mirror.run();
  expect(moved).toEqual([true]);
  expectWhole(mirror);
});

test('a run that finds nothing new neither copies nor compares anything', async () => {
  const mirror = await Mirror.create();
  await mirror.run();
  for (const store of mirror.stores) store.calls.length = 0;
  expect((await mirror.run()).counts.unchanged).toBe(2);
  for (const store of mirror.stores) {
    expect(store.calls.filter((call) => call.startsWith('entries'))).toEqual([]);
    expect(store.calls.filter((call) => /^put (?!state\/)/.test(call))).toEqual([]);
  }
});

test('40 tags that refer to one image are in its list of referrers in both stores, and no write is refused', async () => {
  const repository = emptyRepository();
  const subject = addImage(repository, { layers: [await addStreamedLayer(repository, 'layer', 100)] });
  tagAs(repository, subject, 'latest');
  for (let index = 0; index < 40; index += 1) {
    const annotations = { index: String(index) };
    tagAs(repository, addArtifact(repository, { artifactType: SPDX, subject, annotations }), `sbom-${index}`);
  }
  const refused: string[] = [];
  class WatchedStore extends MemoryStore {
    override before = () => setTimeout(1);

    override async put(...args: Parameters<MemoryStore['put']>): ReturnType<MemoryStore['put']> {
      const result = await super.put(...args);
      if (result === 'conflict' && !args[0].endsWith('/probe')) refused.push(args[0]);
      return result;
    }
  }
  const mirror = new Mirror(repository, [new WatchedStore('A'), new WatchedStore('B')]);
  const report = await mirror.run();
  expect([report.counts.created, report.counts.failed, report.stores]).toEqual([41, 0, IN_STEP]);
  const key = `${ROOT}/_referrers/${subject.digest.replace(':', '/')}`;
  for (const store of mirror.stores) {
    expect(store.json(key)).toMatchObject({ manifests: { length: 40 } });
  }
  expectWhole(mirror);
  expect(refused).toEqual([]);
});
