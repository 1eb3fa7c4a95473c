/** The history of runs and the overview, as runs write them. */
import { expect, test } from 'vitest';
import { stateKey } from '../../../../core/layout.ts';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import type { RunReport } from '../../../../mirror-job/engine/report.ts';
import { correctRun } from '../../../../mirror-job/engine/run/page-objects.ts';
import { summaryOf } from '../../../../mirror-job/engine/run/run-summary.ts';
import { Tally } from '../../../../mirror-job/engine/tally.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { environmentFor } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { DescriptionFixture } from '../description/description-fixture.ts';

const RUNS = stateKey('default', 'runs.json');
const OVERVIEW = stateKey('default', 'overview.json');

async function fixtureOf(...names: readonly string[]): Promise<DescriptionFixture> {
  const fixture = new DescriptionFixture();
  for (const name of names) {
    const content = fixture.upstream(name);
    tagAs(content, addImage(content, { layers: [await addLayer(content, name)] }), '1', '2');
  }
  return fixture;
}

test('each run is summarised, the newest first', async () => {
  const fixture = await fixtureOf('app');
  const first = await fixture.run({ tags: ['1', 'missing'] });
  const second = await fixture.run({ tags: ['1'] });
  expect(fixture.runs()).toEqual([
    {
      run: second.run,
      begun: second.begun,
      ended: second.ended,
      exitCode: 0,
      counts: second.counts,
      blobs: 0,
      manifests: 0,
      bytes: 0,
      findings: 0,
      interrupted: false,
      upstreams: [],
    },
    {
      run: first.run,
      begun: first.begun,
      ended: first.ended,
      exitCode: 1,
      counts: { ...first.counts, created: 1, failed: 1 },
      blobs: 2,
      manifests: 1,
      bytes: first.bytes,
      findings: 0,
      interrupted: false,
      upstreams: [],
    },
  ]);
});

test('a run of some images replaces their lines of the overview, and keeps the others', async () => {
  const fixture = await fixtureOf('app', 'other');
  const clusters = [{ name: 'prod', observed: '2026-01-01T00:00:00.000Z', images: 3 }];
  await fixture.run({ clusters });
  const [, other] = fixture.overview().repositories;
  tagAs(
    fixture.upstream(),
    addImage(fixture.upstream(), { layers: [await addLayer(fixture.upstream(), 'x')] }),
    '3',
  );
  const { run } = await fixture.run({ only: ['app'] });
  expect(fixture.overview()).toMatchObject({
    run,
    repositories: [
      {
        name: 'mirror.test/app',
        tags: 3,
        pins: 0,
        held: 0,
        gone: 0,
        newest: { tag: '3', moved: '2026-01-01T02:00:00.000Z' },
        checked: '2026-01-01T02:00:00.000Z',
      },
      other ?? {},
    ],
    clusters,
  });
  expect(other).toMatchObject({ name: 'mirror.test/other', tags: 2, checked: '2026-01-01T01:00:00.000Z' });
});

test('held tags are listed with the reason, and a repository that fails keeps the time of its last check', async () => {
  const fixture = await fixtureOf('app');
  const moves = { policy: 'hold' as const };
  const { digest } = addImage(fixture.upstream(), { layers: [await addLayer(fixture.upstream(), 'next')] });
  await fixture.run({ tags: ['1', '2'], moves });
  const [before] = fixture.description().tags;
  fixture.upstream().tags.set('2', digest);
  await fixture.run({ tags: ['1', '2', 'missing'], moves });
  expect(fixture.overview()).toMatchObject({
    heldCount: 1,
    held: [
      {
        repository: 'mirror.test/app',
        tag: '2',
        digest: before?.digest,
        upstream: digest,
        since: '2026-01-01T02:00:00.000Z',
        reason: 'moves.policy is hold.',
      },
    ],
    repositories: [{ held: 1, checked: '2026-01-01T01:00:00.000Z' }],
  });
  // A run that finds nothing new says the same.
  await fixture.run({ tags: ['1', '2'], moves });
  expect(fixture.overview().held).toMatchObject([
    { tag: '2', upstream: digest, reason: 'moves.policy is hold.' },
  ]);
  fixture.upstream().tags.set('2', before?.digest ?? digest);
  await fixture.run({ tags: ['1', '2'], moves });
  expect(fixture.overview()).toMatchObject({ heldCount: 0, held: [] });
});

test.each([RUNS, OVERVIEW])('%s is made anew if it is damaged, with a warning', async (key) => {
  const fixture = await fixtureOf('app');
  await fixture.run();
  fixture.store.objects.set(key, { bytes: Buffer.from('[]'), etag: 'x', contentType: 'application/json' });
  const { run } = await fixture.run();
  expect([fixture.runs()[0]?.run, fixture.overview().run]).toEqual([run, run]);
  expect(fixture.logged).toEqual([
    expect.stringContaining(`${key} cannot be used: it is not a JSON object.`),
  ]);
});

test('two runs that end at once are both in the history', async () => {
  const fixture = await fixtureOf('app');
  await fixture.run();
  let other: Promise<unknown> | undefined;
  const rival = new DescriptionFixture();
  rival.upstreams.set('app', fixture.upstream());
  fixture.store.before = async (call, key) => {
    if (call !== 'put' || key !== RUNS || other !== undefined) return;
    other = Promise.resolve();
    rival.store = fixture.store;
    await rival.run();
  };
  await fixture.run();
  expect(fixture.runs()).toHaveLength(3);
});

test('the exit code of a run is corrected if a store fails at its very end', async () => {
  const fixture = await fixtureOf('app');
  const { run } = await fixture.run();
  const environment = environmentFor(fixture.store);
  await correctRun(environment, 'default', { run, exitCode: 1 });
  expect(fixture.runs()).toMatchObject([{ run, exitCode: 1 }]);
  fixture.store.calls.length = 0;
  await correctRun(environment, 'default', { run, exitCode: 1 });
  expect(fixture.store.calls).toEqual([`get ${RUNS}`]);
  const empty = new MemoryStore();
  await correctRun(environmentFor(empty), 'default', { run, exitCode: 1 });
  expect(empty.objects.size).toBe(0);
});

test('requests are added up, and a failure counts for the upstream that its repository is mirrored from', () => {
  const [app, other] = ['mirror.test/app', 'mirror.test/other'].map((name) => parseRepository(name));
  if (app === undefined || other === undefined) throw new Error('Both are names.');
  const failed = { result: 'failed', error: 'It is down.' } as const;
  const report: RunReport = {
    run: 'r',
    begun: '2026-01-01T00:00:00.000Z',
    ended: '2026-01-01T00:01:00.000Z',
    counts: { unchanged: 0, created: 0, moved: 0, held: 0, gone: 0, failed: 3, skipped: 0 },
    ...new Tally().copied,
    interrupted: true,
    upstreams: ['docker.io', 'quay.io'].map((name) => ({
      name,
      requests: { heads: 1, manifestGets: 2, blobGets: 3, lists: 4 },
      quotas: [],
      exhausted: undefined,
    })),
    items: [
      { repository: app, reference: undefined, outcome: failed },
      { repository: app, reference: parseTag('1'), outcome: failed },
      { repository: other, reference: parseTag('1'), outcome: failed },
    ],
    findings: [],
  };
  const summary = summaryOf(report, (repository) => (repository === app ? 'quay.io' : undefined));
  expect(summary).toMatchObject({ exitCode: 1, interrupted: true });
  expect(summary.upstreams).toEqual([
    { name: 'docker.io', requests: 10, failures: 0 },
    { name: 'quay.io', requests: 10, failures: 2 },
  ]);
});
