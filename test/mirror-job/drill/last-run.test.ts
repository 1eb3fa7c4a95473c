/** The report of the last run as the drill reads it, from buckets that a run has filled, and from reports that are damaged. */
import { beforeEach, expect, test } from 'vitest';
import { encodeJson } from '../../../core/json.ts';
import { stateKey } from '../../../core/layout.ts';
import { parseReference } from '../../../core/reference.ts';
import { LastRunReport } from '../../../mirror-job/drill/last-run.ts';
import { runMirror } from '../../../mirror-job/engine/run/run.ts';
import { StoreError } from '../../../mirror-job/engine/store/store.ts';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository } from '../../support/content.ts';
import { environmentFor, imageOf, type ImageOptions } from '../support/harness.ts';
import { MemorySource } from '../support/memory-source.ts';
import { MemoryStore } from '../support/memory-store.ts';

const KEY = stateKey('default', 'last-run.json');
const ENDED = '2026-06-01T12:00:00.000Z';
const DIGEST = `sha256:${'a'.repeat(64)}`;

let store: MemoryStore;

beforeEach(() => {
  store = new MemoryStore('The bucket');
});

async function mirror(options: ImageOptions, isShown = true): Promise<LastRunReport> {
  const content = emptyRepository();
  tagAs(content, addImage(content, { layers: [await addLayer(content, 'one')] }), 'one');
  const source = new MemorySource('source.test/app', content);
  source.isShown = isShown;
  await runMirror(environmentFor(store), 'default', [imageOf(source, 'mirror.test/app', options)]);
  return LastRunReport.read(store, 'default');
}

async function reportOf(report: object): Promise<LastRunReport> {
  await store.put(KEY, encodeJson(report), { contentType: 'application/json' });
  return LastRunReport.read(store, 'default');
}

const reasonFor = (report: LastRunReport, name: string) => report.failureOf(parseReference(name));

test('a run that succeeded', async () => {
  const { run, isWhole } = await mirror({ tags: ['one'] });
  expect([run, isWhole]).toEqual([
    { ended: expect.any(String), isSuccess: true, failed: 0, findings: 0, isInterrupted: false },
    true,
  ]);
});

test('an image that the run refused is private, with the sentence of the run, and so is its whole repository', async () => {
  const report = await mirror({ tags: ['one'], mustBePublic: true }, false);
  expect(report.run).toMatchObject({ isSuccess: false, failed: 1 });
  const absence = {
    reason: 'private',
    says: expect.stringMatching(
      /^the last run failed to mirror it: source\.test\/app is not shown to anonymous callers, .* audience is "token"$/,
    ),
  };
  expect(reasonFor(report, 'mirror.test/app:one')).toEqual(absence);
  expect(reasonFor(report, `mirror.test/app@${DIGEST}`)).toEqual(absence);
  expect(reasonFor(report, 'mirror.test/other:one')).toBeUndefined();
});

test('a tag that upstream lacks failed, and another tag of the repository did not', async () => {
  const report = await mirror({ tags: ['one', 'two'] });
  expect(report.run).toMatchObject({ isSuccess: false, failed: 1 });
  expect(reasonFor(report, 'mirror.test/app:two')).toMatchObject({ reason: 'failed' });
  expect(reasonFor(report, 'mirror.test/app:three')).toBeUndefined();
});

const item = (reference: string | undefined, outcome: object) => ({
  repository: 'quay.io/a/b',
  reference,
  outcome,
});

test('a failure of a whole repository is that of each of its images, and a skipped one says why', async () => {
  const report = await reportOf({
    ended: ENDED,
    items: [
      item(undefined, { result: 'failed', error: 'The list is private.' }),
      item('1', { result: 'skipped', reason: 'The budget is used up.' }),
      item('2', { result: 'held', digest: DIGEST }),
      item('3', { result: 'failed' }),
      'no item',
    ],
  });
  expect(['1', '2', '4'].map((tag) => reasonFor(report, `quay.io/a/b:${tag}`))).toEqual([
    { reason: 'skipped', says: 'the last run left it out: The budget is used up' },
    { reason: 'failed', says: 'the last run failed to mirror it: The list is private' },
    { reason: 'failed', says: 'the last run failed to mirror it: The list is private' },
  ]);
});

const GOOD = { ended: ENDED, counts: { failed: 0 }, findings: [], interrupted: false, items: [] };

test.for<readonly [name: string, report: object, success: boolean | undefined]>([
  ['all is well', GOOD, true],
  ['one image failed', { ...GOOD, counts: { failed: 1 } }, false],
  ['something was found', { ...GOOD, findings: [{}] }, false],
  ['it had to stop', { ...GOOD, interrupted: true }, false],
  ['a store is behind', { ...GOOD, stores: [{ state: 'in step' }, { state: 'behind' }] }, false],
  ['all stores are in step', { ...GOOD, stores: [{ state: 'in step' }] }, true],
  ['an older job has counted nothing', { ended: ENDED }, undefined],
])('whether a run succeeded, if %s', async ([, report, success]) => {
  const { run } = await reportOf(report);
  expect([run, 'isSuccess' in run ? run.isSuccess : undefined]).toEqual([
    expect.objectContaining({ ended: ENDED }),
    success,
  ]);
});

test('a report that leaves items out is not whole', async () => {
  expect((await reportOf({ ...GOOD, unlisted: 3 })).isWhole).toBe(false);
  expect((await reportOf({ ended: ENDED })).isWhole).toBe(false);
});

test('a report that is missing, damaged or unreadable is said, and fails nothing', async () => {
  const runs = [(await LastRunReport.read(store, 'default')).run];
  runs.push((await reportOf({ ended: 'yesterday' })).run);
  store.before = () => {
    throw new StoreError('The bucket does not answer.');
  };
  const unreadable = await LastRunReport.read(store, 'default');
  runs.push(unreadable.run);
  expect(runs).toEqual([
    { notKnown: `the bucket has no ${KEY}` },
    { notKnown: `${KEY} does not say it` },
    { notKnown: 'the bucket does not answer' },
  ]);
  expect([unreadable.isWhole, reasonFor(unreadable, 'quay.io/a/b:1')]).toEqual([false, undefined]);
});
