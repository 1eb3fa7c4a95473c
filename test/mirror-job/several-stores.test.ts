/** Several stores are several whole mirrors, filled in one go: upstream is read once, and the primary moves last. */
import { expect, test } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { expectWhole, Mirror, move, pairOf, ROOT, smallRepository, tagIn } from './several-stores.ts';

const IN_STEP = [
  { name: 'A', state: 'in step' },
  { name: 'B', state: 'in step' },
];

test('both are whole after one run, and upstream is asked no more than for one', async () => {
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

test('a run that finds nothing new copies nothing, and compares nothing', async () => {
  const mirror = await Mirror.create();
  await mirror.run();
  for (const store of mirror.stores) store.calls.length = 0;
  expect((await mirror.run()).counts.unchanged).toBe(2);
  for (const store of mirror.stores) {
    expect(store.calls.filter((call) => call.startsWith('entries'))).toEqual([]);
    expect(store.calls.filter((call) => /^put (?!state\/)/.test(call))).toEqual([]);
  }
});
