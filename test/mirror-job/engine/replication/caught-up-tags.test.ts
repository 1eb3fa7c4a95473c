/** The tags that a catch-up changes in a store: the report names each of them, as findings. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { isObject } from '../../../../core/json.ts';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import { CaughtUpTags } from '../../../../mirror-job/engine/replication/caught-up-tags.ts';
import { exitCodeOf } from '../../../../mirror-job/engine/report.ts';
import { addImage, tagAs } from '../../../support/builder.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { contentOf, Mirror, move, pairOf, tagIn, takeAway } from './several-stores.ts';

function short(digest = ''): string {
  return digest.slice('sha256:'.length).slice(0, 12);
}

test('after an outage of the primary its tags follow, and the report names each of them as a finding', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  const from = mirror.repository.tags.get('one');
  takeAway(a);
  await move(mirror.repository, 'one', 'while A is away');
  tagAs(mirror.repository, addImage(mirror.repository, { layers: [] }), 'new');
  await mirror.run();
  a.before = () => {};
  const report = await mirror.run();
  const [to, added] = ['one', 'new'].map((tag) => mirror.repository.tags.get(tag) ?? '');
  expect([tagIn(a, 'one'), tagIn(b, 'one')]).toEqual([to, to].map((digest) => digest?.replace(':', '/')));
  expect(report.findings).toEqual([
    {
      kind: 'caught-up',
      repository: 'mirror.test/app',
      store: 'A',
      tags: [
        { tag: 'new', from: undefined, to: added },
        { tag: 'one', from, to },
      ],
      message: `A: 2 tags of mirror.test/app changed there when this store was caught up from B: new (new, ${short(added)}), one (${short(from)} to ${short(to)}). If you did not expect that, look at "lifeboat history mirror.test/app:new", and find out who can write into B.`,
    },
  ]);
  expect(a.json('state/default/last-run.json')).toMatchObject({
    findings: [{ kind: 'caught-up', store: 'A' }],
  });
  expect(exitCodeOf(report)).toBe(1);
  const next = await mirror.run();
  expect([next.findings, exitCodeOf(next)]).toEqual([[], 0]);
});

test('a tag named "probe" is caught up like any other: only the probe of a configuration is left out', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  takeAway(a);
  tagAs(mirror.repository, addImage(mirror.repository, { layers: [] }), 'probe');
  await mirror.run();
  a.before = () => {};
  await mirror.run();
  expect(tagIn(a, 'probe')).toBe(mirror.repository.tags.get('probe')?.replace(':', '/'));
  expect(Object.fromEntries(contentOf(a))).toEqual(Object.fromEntries(contentOf(b)));
});

test('a change of a hold alone is named too', async () => {
  const mirror = await Mirror.create();
  const [a, b] = pairOf(mirror);
  await mirror.run();
  takeAway(b);
  await move(mirror.repository, 'two', 'without B');
  await mirror.run();
  b.before = () => {};
  const key = 'repositories/mirror.test/app/_tags/one';
  const tag = b.json(key);
  if (!isObject(tag) || !isObject(tag['annotations'])) throw new Error('The tag has no annotations.');
  const held = { ...tag, annotations: { ...tag['annotations'], 'dev.lifeboat.hold': 'by the attacker' } };
  await b.put(key, Buffer.from(JSON.stringify(held)), { contentType: 'application/json' });
  const { findings } = await mirror.run();
  const digest = mirror.repository.tags.get('one');
  expect(findings[0]?.tags?.[0]).toEqual({ tag: 'one', from: digest, to: digest });
  expect(findings[0]?.message).toContain('another hold or date');
  expect(Object.fromEntries(contentOf(b))).toEqual(Object.fromEntries(contentOf(a)));
});

test('a finding names five tags of a repository in its message, and all of them beside it', async () => {
  const mirror = await Mirror.create();
  const [a] = pairOf(mirror);
  await mirror.run();
  takeAway(a);
  const tags = Array.from({ length: 200 }, (_, index) => `1.${index}`);
  tagAs(mirror.repository, addImage(mirror.repository, { layers: [] }), ...tags);
  await mirror.run();
  a.before = () => {};
  const { findings } = await mirror.run();
  expect([findings.length, findings[0]?.tags?.length]).toEqual([1, 200]);
  const image = short(mirror.repository.tags.get('1.0'));
  expect(findings[0]?.message).toContain(
    `A: 200 tags of mirror.test/app changed there when this store was caught up from B: 1.0 (new, ${image}), 1.1 (new, ${image}), 1.10 (new, ${image}), 1.100 (new, ${image}), 1.101 (new, ${image}), and 195 more. If`,
  );
});

test('a store that is filled for the first time is no finding', async () => {
  const [a, b] = [new MemoryStore('A'), new MemoryStore('B')];
  const mirror = await Mirror.create(a, b);
  await mirror.run([a]);
  const report = await mirror.run();
  expect([report.findings, exitCodeOf(report)]).toEqual([[], 0]);
});

test('a tag that a catch-up changed twice is named with the digest that it had before both', () => {
  const [first, second, third] = ['a', 'b', 'c'].map((letter) => parseDigest(`sha256:${letter.repeat(64)}`));
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('There are no digests.');
  const [repository, tag] = [parseRepository('mirror.test/app'), parseTag('one')];
  const changed = new CaughtUpTags();
  changed.add('A', 'B', repository, { tag, from: first, to: second });
  changed.add('A', 'B', repository, { tag, from: second, to: third });
  expect(changed.findings().map(({ tags }) => tags)).toEqual([[{ tag, from: first, to: third }]]);
});
