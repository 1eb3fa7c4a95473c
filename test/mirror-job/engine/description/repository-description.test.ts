/** A run describes what it mirrors, once, and reads for it only what is new. */
import { expect, test } from 'vitest';
import { descriptionIn, sizeOfBlobs } from './description-facts.ts';
import { descriptionKey } from '../../../../core/layout.ts';
import { parseTag } from '../../../../core/reference.ts';
import { planMirror } from '../../../../mirror-job/engine/run/plan.ts';
import { describeRepository } from '../../../../mirror-job/engine/description/repository-description.ts';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { addArtifact, addImage, addIndex, addLayer, tagAs } from '../../../support/builder.ts';
import { addMultiPlatform } from '../../../support/corpus.ts';
import { SPDX } from '../../../support/media-types.ts';
import { DAY, environmentFor, imageOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { TagFixture } from '../tags/tag-fixture.ts';
import { APP, DescriptionFixture } from './description-fixture.ts';

const KEY = descriptionKey('default', APP);
const isOfPages = (call: string): boolean => call.includes('state/default/repositories/');

test('an image is described with its platforms, its size, what refers to it, and its movements', async () => {
  const fixture = new DescriptionFixture();
  const app = fixture.upstream();
  const image = await addMultiPlatform(app, 'one');
  tagAs(app, image, '1.9', '1.10');
  addArtifact(app, { artifactType: SPDX, subject: image });
  const signature = addArtifact(app, {
    artifactType: 'application/vnd.dev.cosign.artifact.sig.v1+json',
    subject: image,
  });
  const named = image.digest.replace(':', '-');
  // cosign's tag of the signature in the list is no second one, and its tag of an attestation is in no list.
  tagAs(app, signature, `${named}.sig`);
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'att')] }), `${named}.att`);
  const { run } = await fixture.run({ tags: ['1.9', '1.10'] });
  const description = fixture.description();
  const [newest] = description.tags;
  expect(description.tags.map(({ tag }) => tag)).toEqual(['1.10', '1.9']);
  expect([description.tagCount, description.pins]).toEqual([2, []]);
  const platforms = sizeOfBlobs(app, image.digest);
  const at = '2026-01-01T01:00:00.000Z';
  expect(newest).toEqual({
    tag: '1.10',
    digest: image.digest,
    mediaType: image.mediaType,
    firstSeen: at,
    bytes: platforms.distinct,
    platforms: platforms.each,
    signatures: 1,
    sboms: 1,
    attestations: 1,
    referrersChecked: at,
    moved: at,
    run,
    movements: [{ at, to: image.digest, run, why: 'first seen' }],
  });
  expect(fixture.marks()).toEqual(['default']);
});

test('a run that finds nothing new asks the store four times more, and not once for a repository', async () => {
  const fixture = new DescriptionFixture();
  tagAs(fixture.upstream(), await addMultiPlatform(fixture.upstream(), 'one'), '1', '2');
  await fixture.run();
  await fixture.run();
  expect(fixture.store.calls.toSorted()).toEqual([
    'get repositories/mirror.test/app/_index.json',
    'get state/default/catalog.json',
    'get state/default/overview.json',
    'get state/default/runs.json',
    'put state/default/last-run.json',
    'put state/default/overview.json',
    'put state/default/runs.json',
  ]);
});

test('a tag that moves is described anew, and nothing is read for the others', async () => {
  const fixture = new DescriptionFixture();
  const app = fixture.upstream();
  const [one, two] = [await addMultiPlatform(app, 'one'), await addMultiPlatform(app, 'two')];
  tagAs(app, one, 'latest', '1');
  const first = await fixture.run({ referrersEveryMs: false });
  const before = fixture.description();
  tagAs(app, two, 'latest');
  const second = await fixture.run({ referrersEveryMs: false });
  const [stays, latest] = fixture.description().tags;
  expect(stays).toEqual(before.tags.find(({ tag }) => tag === '1'));
  expect(latest).toMatchObject({
    tag: 'latest',
    digest: two.digest,
    run: second.run,
    movements: [
      { from: one.digest, to: two.digest, run: second.run, why: 'upstream moved' },
      { to: one.digest, run: first.run, why: 'first seen' },
    ],
  });
  expect(fixture.store.calls.filter((call) => /_(?:tags|history)\/1(?:\/|$)/.test(call))).toEqual([]);
  expect(fixture.marks()).toEqual(['default']);
});

test('of many tags, a hundred are described per run, the newest versions first', async () => {
  const fixture = new DescriptionFixture();
  const app = fixture.upstream();
  const image = addImage(app, { layers: [await addLayer(app, 'one')] });
  const others = ['latest', 'v150.0.0-rc1', 'v150.0.0', 'stable'];
  tagAs(app, image, ...others, ...Array.from({ length: 150 }, (_, index) => `v${index}`));
  await fixture.run();
  expect([fixture.description().tags.length, fixture.description().tagCount]).toEqual([100, 154]);
  const tags = fixture.description().tags.map(({ tag }) => tag);
  expect([tags.slice(0, 3), tags.at(-1)]).toEqual([['v150.0.0', 'v150.0.0-rc1', 'v149'], 'v52']);
  expect(fixture.marks()).toEqual([]);
  await fixture.run();
  expect([fixture.description().tags.length, fixture.marks()]).toEqual([154, ['default']]);
  const last = fixture.description().tags.slice(-2);
  expect(last.map(({ tag }) => tag)).toEqual(['stable', 'latest']);
  await fixture.run();
  expect(fixture.store.calls.filter(isOfPages)).toEqual([]);
});

test('a signature that comes later is counted once upstream is asked for it', async () => {
  const fixture = new DescriptionFixture();
  const app = fixture.upstream();
  const image = await addMultiPlatform(app, 'one');
  tagAs(app, image, '1');
  await fixture.run({ referrersEveryMs: DAY });
  addArtifact(app, { artifactType: 'application/vnd.cncf.notary.signature', subject: image });
  await fixture.run({ referrersEveryMs: DAY });
  expect(fixture.description().tags[0]?.signatures).toBe(0);
  fixture.clock.advance(DAY);
  const { platforms } = fixture.description().tags[0] ?? {};
  await fixture.run({ referrersEveryMs: DAY });
  expect(fixture.description().tags[0]).toMatchObject({ signatures: 1, platforms });
});

test('artifacts, pins, a subset of platforms, held tags and tags that are gone', async () => {
  const fixture = new DescriptionFixture();
  const app = fixture.upstream();
  const [one, two] = [await addMultiPlatform(app, 'one'), await addMultiPlatform(app, 'two')];
  tagAs(app, one, '1', '2');
  tagAs(app, addArtifact(app, { artifactType: 'application/vnd.example' }), '3');
  const options = { digests: [two.digest], platforms: ['linux/amd64'], moves: { policy: 'hold' as const } };
  await fixture.run({ ...options, tags: ['1', '2', '3'] });
  tagAs(app, two, '1');
  app.tags.delete('2');
  await fixture.run({ ...options, tags: ['1', '2', '3'] });
  const { tags, pins } = fixture.description();
  expect(tags.map(({ tag, platforms }) => [tag, platforms.map(({ platform }) => platform)])).toEqual([
    ['3', []],
    ['2', ['linux/amd64']],
    ['1', ['linux/amd64']],
  ]);
  expect(tags[0]?.artifactType).toBe('application/vnd.example');
  expect(tags[1]?.gone).toBe('2026-01-01T02:00:00.000Z');
  expect(tags[2]).toMatchObject({
    digest: one.digest,
    storedPlatforms: ['linux/amd64'],
    upstream: { digest: two.digest, firstSeen: '2026-01-01T02:00:00.000Z' },
  });
  expect(pins).toMatchObject([{ digest: two.digest, storedPlatforms: ['linux/amd64'] }]);
  // A subset has less than the whole.
  expect(pins[0]?.bytes).toBeLessThan(sizeOfBlobs(app, two.digest).distinct);
});

test('what a person moves is described at once, and a mark does not outlive the change', async () => {
  const fixture = new TagFixture();
  await fixture.sync('a');
  await fixture.sync('b');
  await fixture.revert({ reason: 'broken', by: 'alice@laptop' });
  const index = (): string =>
    Buffer.from(
      fixture.store.objects.get('repositories/mirror.test/app/_index.json')?.bytes ?? [],
    ).toString();
  expect(index()).not.toContain('dev.lifeboat.described');
  // The commands do this after they have moved a tag.
  const environment = fixture.environment();
  const state = await RepositoryState.open(environment, APP);
  const anew = new Set([parseTag('latest')]);
  await describeRepository(environment, { name: 'default', repository: APP, state, anew });
  expect(index()).toContain('dev.lifeboat.described');
  const { tags } = descriptionIn(fixture.store, KEY);
  expect(tags[0]).toMatchObject({
    digest: fixture.digest('a'),
    hold: 'reverted by hand: broken',
    movements: [
      { from: fixture.digest('b'), to: fixture.digest('a'), why: 'reverted: broken', by: 'alice@laptop' },
      { why: 'upstream moved' },
      { why: 'first seen' },
    ],
  });
});

test('each configuration has a description of its own, and a change by one is described by the other one later', async () => {
  const fixture = new DescriptionFixture();
  const app = fixture.upstream();
  tagAs(app, await addMultiPlatform(app, 'one'), '1');
  await fixture.run();
  await fixture.run({ name: 'other' });
  expect(fixture.marks()).toEqual(['default', 'other']);
  tagAs(app, await addMultiPlatform(app, 'two'), '1');
  await fixture.run({ name: 'other' });
  expect(fixture.marks()).toEqual(['other']);
  await fixture.run();
  expect(fixture.marks()).toEqual(['default', 'other']);
  expect(fixture.description().tags).toEqual(fixture.description('other').tags);
});

test('a damaged description is made anew once the index changes, with a warning', async () => {
  const fixture = new DescriptionFixture();
  const app = fixture.upstream();
  tagAs(app, await addMultiPlatform(app, 'one'), '1');
  await fixture.run();
  const stored = fixture.store.objects.get(KEY);
  fixture.store.objects.set(KEY, { bytes: Buffer.from('{}'), etag: 'x', contentType: stored?.contentType });
  tagAs(app, await addMultiPlatform(app, 'two'), '2');
  await fixture.run();
  expect(fixture.description().tags).toHaveLength(2);
  expect(fixture.logged.join()).toContain(`${KEY} cannot be used: its version is not`);
});

test('a store that fails while a repository is described fails nothing, and the next run describes it', async () => {
  const fixture = new DescriptionFixture();
  tagAs(fixture.upstream(), await addMultiPlatform(fixture.upstream(), 'one'), '1');
  fixture.store.before = (call, key) => {
    if (call === 'put' && key === KEY) throw new Error('The store is down.');
  };
  const { counts } = await fixture.run();
  expect([counts.created, counts.failed]).toEqual([1, 0]);
  expect(fixture.logged).toEqual([
    "warn: The store is down. The next run describes mirror.test/app for the edge's pages.",
  ]);
  fixture.store.before = () => {};
  await fixture.run();
  expect([fixture.description().tags.length, fixture.marks()]).toEqual([1, ['default']]);
});

test('a run that is killed at any write leaves what the next one completes', async () => {
  const fixture = new DescriptionFixture();
  const app = fixture.upstream();
  tagAs(app, addIndex(app, [addImage(app, { layers: [await addLayer(app, 'one')] })]), '1', '2');
  await fixture.run();
  const writes = fixture.store.calls.filter((call) => call.startsWith('put ')).length;
  expect(writes).toBeGreaterThan(10);
  for (let last = 0; last < writes; last += 1) {
    fixture.store = new MemoryStore();
    let count = 0;
    fixture.store.before = (call) => {
      if (call === 'put') count += 1;
      if (count > last) throw new Error('The process is dead.');
    };
    await fixture.run();
    fixture.store.before = () => {};
    await fixture.run();
    await fixture.run();
    expect([
      last,
      fixture.marks(),
      fixture.description().tags.map(({ tag, movements }) => [tag, movements.length]),
    ]).toEqual([
      last,
      ['default'],
      [
        ['2', 1],
        ['1', 1],
      ],
    ]);
    expect([
      last,
      fixture.overview().repositories.map(({ tags }) => tags),
      fixture.runs().length > 0,
    ]).toEqual([last, [2], true]);
  }
});

test('a run that has to stop leaves out the tags that it has moved, whose digest and date would be wrong, and reads nothing', async () => {
  const fixture = new DescriptionFixture();
  const app = fixture.upstream();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'one')] }), '1.1', '1.2');
  await fixture.run({ tags: ['1.1', '1.2'] });
  const [, still] = fixture.description().tags;
  const moved = addImage(app, { layers: [await addLayer(app, 'two')] });
  tagAs(app, moved, '1.2');
  const { interrupted } = await fixture.run({ tags: ['1.2', '1.1'], stopsAt: '/_tags/1.2' });
  const { calls } = fixture.store;
  const afterwards = calls.slice(
    calls.findIndex((call) => call.startsWith('put ') && call.endsWith('/_tags/1.2')),
  );
  const reads = afterwards.filter((call) => call.startsWith('get ') && call.includes('/_manifests/'));
  fixture.store.before = () => {};
  expect([interrupted, reads]).toEqual([true, []]);
  expect(fixture.description().tags).toEqual([still]);
  expect(fixture.marks()).toEqual([]);
  await fixture.run({ tags: ['1.1', '1.2'] });
  expect(fixture.description().tags.map(({ tag, digest }) => [tag, digest])).toEqual([
    ['1.2', moved.digest],
    ['1.1', still?.digest],
  ]);
});

test('a dry run writes nothing, and reads nothing for the pages', async () => {
  const fixture = new DescriptionFixture();
  tagAs(fixture.upstream(), await addMultiPlatform(fixture.upstream(), 'one'), '1');
  const source = new MemorySource('source.test/app', fixture.upstream());
  await planMirror(environmentFor(fixture.store), 'default', [imageOf(source, 'mirror.test/app')]);
  expect(
    fixture.store.calls.filter(
      (call) => call.startsWith('put ') || /runs|overview|state\/default\/rep/.test(call),
    ),
  ).toEqual([]);
});
