/** Prunes a mirror in memory: what goes, what stays, in which order, and what ends it with nothing deleted. */
import { beforeEach, expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { parseRepository } from '../../../../core/reference.ts';
import { asMatcher, parsePattern } from '../../../../mirror-job/configuration/pattern.ts';
import { PruneRefusedError } from '../../../../mirror-job/engine/maintenance/condemn.ts';
import { IncompleteImageError } from '../../../../mirror-job/engine/maintenance/needed-closure.ts';
import { DEFAULT_RETENTION } from '../../../../mirror-job/engine/maintenance/retention.ts';
import { addArtifact, tagAs } from '../../../support/builder.ts';
import { faultsOf } from '../../support/whole-bucket.ts';
import { DAY, HOUR, keysOf, NAME, PrunedMirror, tagReference } from './pruned-mirror.ts';

let mirror: PrunedMirror;

beforeEach(() => {
  mirror = new PrunedMirror();
});

const tagKey = (name: string) => `repositories/${NAME}/_tags/${name}`;
const manifestKey = (digest: string) => `repositories/${NAME}/_manifests/${digest.replace(':', '/')}`;

test('a tag that no entry selects any more goes with all that it alone needs, and nothing else does', async () => {
  await mirror.push('stays');
  await mirror.sync();
  const before = mirror.keys();
  const old = await mirror.push('old');
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'] };
  await mirror.pruneAll();
  expect(mirror.keys()).toEqual(before);
  expect(mirror.store.keys(old.slice(7))).toEqual([]);
  expect(faultsOf(mirror.store)).toEqual([]);
  expect(mirror.store.json(`repositories/${NAME}/_tags.json`)).toEqual({ name: NAME, tags: ['stays'] });
  expect(mirror.store.keys('state/_prune')).toEqual(['state/_prune.json']);
  const report = await mirror.sync();
  expect([report.counts.failed, report.findings, mirror.keys()]).toEqual([0, [], before]);
});

test('a repository that has nothing left goes whole, and leaves the catalogue and the overview', async () => {
  await mirror.push('old');
  await mirror.sync();
  expect(mirror.store.json('state/default/overview.json')).toMatchObject({ repositories: [{ name: NAME }] });
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['another'] };
  await mirror.pruneAll();
  expect(mirror.keys()).toEqual([]);
  expect(mirror.store.json('state/default/catalog.json')).toEqual({ repositories: [] });
  expect(mirror.store.keys('state/default/repositories')).toEqual([]);
  expect(mirror.store.json('state/default/overview.json')).toMatchObject({
    repositories: [],
    held: [],
    heldCount: 0,
  });
});

test('a plan reads each object once, and no record of the movement that a tag tells of itself', async () => {
  for (const tag of ['1', '2', '1']) {
    await mirror.push(tag);
    await mirror.sync();
    mirror.clock.advance(DAY);
  }
  mirror.store.calls.length = 0;
  await mirror.plan();
  const reads = mirror.store.calls.filter((call) => call.startsWith('get repositories/'));
  expect(new Set(reads).size).toBe(reads.length);
  const count = (folder: string) => reads.filter((call) => call.includes(`/${folder}/`)).length;
  // Three indexes with two images and an SBOM each, and the first movement of the tag that has moved.
  expect([count('_tags'), count('_manifests'), count('_history')]).toEqual([2, 12, 1]);
});

test('the last digests of a tag stay, and those before them go when they are old', async () => {
  const digests: string[] = [];
  for (let move = 0; move < 5; move += 1) {
    digests.push(await mirror.push('1'));
    await mirror.sync();
    mirror.clock.advance(60 * DAY);
  }
  await mirror.pruneAll();
  // The third one was left 120 days ago and the fourth one 60 days ago: two of them stay in any case.
  expect(digests.map((digest) => mirror.store.objects.has(manifestKey(digest)))).toEqual([
    false,
    false,
    false,
    true,
    true,
  ]);
  expect(faultsOf(mirror.store)).toEqual([]);
  expect(mirror.store.keys('_history/1/')).toHaveLength(2);
  expect((await mirror.plan()).goes.objects).toBe(0);
});

test.each<[string, (one: PrunedMirror, digest: string) => void]>([
  ['it is younger than days', (one) => one.clock.advance(-50 * DAY)],
  ['the configuration names it', (one) => (one.options = { tags: ['old'] })],
  ['a cluster uses it', (one) => (one.used = [tagReference('old')])],
  [
    'keep matches it',
    (one) => (one.retention = { ...DEFAULT_RETENTION, keep: [asMatcher(parsePattern('o*'))] }),
  ],
  ['nothing of the image is pruned', (one) => (one.retention = undefined)],
  ['another configuration fills the repository', (one) => (one.others = new Map([[NAME, 'other']]))],
])('a tag stays with all that it needs, because %s', async (_, change) => {
  const digest = await mirror.push('old');
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['another'] };
  change(mirror, digest);
  expect(keysOf(await mirror.plan())).toEqual(new Set());
});

test('a digest that a cluster uses stays when its tag goes', async () => {
  const digest = await mirror.push('old');
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['another'] };
  mirror.used = [{ repository: parseRepository(NAME), tag: undefined, digest: parseDigest(digest) }];
  await mirror.pruneAll();
  expect([mirror.store.objects.has(tagKey('old')), mirror.store.objects.has(manifestKey(digest))]).toEqual([
    false,
    true,
  ]);
  expect(faultsOf(mirror.store)).toEqual([]);
});

test('a digest that the configuration names stays, also while the index is lost', async () => {
  const digest = await mirror.push('old');
  mirror.options = { tags: [], digests: [digest] };
  await mirror.sync();
  mirror.store.objects.delete(`repositories/${NAME}/_index.json`);
  mirror.clock.advance(400 * DAY);
  expect(keysOf(await mirror.plan())).toEqual(new Set());
  mirror.options = { tags: ['another'] };
  expect([...keysOf(await mirror.plan())]).toContain(manifestKey(digest));
});

test('a tag that a pattern selects goes once upstream has lacked it for long enough', async () => {
  await mirror.push('1');
  await mirror.push('2');
  await mirror.sync();
  mirror.content.tags.delete('1');
  await mirror.sync();
  mirror.clock.advance(80 * DAY);
  expect((await mirror.plan()).goes.objects).toBe(0);
  mirror.clock.advance(20 * DAY);
  const [repository] = (await mirror.plan()).repositories;
  expect(repository?.tags).toMatchObject([{ tag: '1', stays: false }]);
});

test('a digest that waits for its approval stays, however old it is', async () => {
  await mirror.push('1');
  await mirror.sync();
  mirror.options = { moves: { policy: 'hold' } };
  const waiting = await mirror.push('1');
  await mirror.sync();
  mirror.clock.advance(400 * DAY);
  await mirror.pruneAll();
  expect(mirror.store.objects.has(manifestKey(waiting))).toBe(true);
  expect(faultsOf(mirror.store)).toEqual([]);
});

test('nothing is deleted before the grace is over, and blobs go a day after all that led to them', async () => {
  await mirror.push('stays');
  await mirror.push('old');
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'] };
  const before = mirror.keys();
  await mirror.condemn();
  mirror.clock.advance(47 * HOUR);
  expect((await mirror.sweep()).kind).toBe('waits');
  expect(mirror.keys()).toEqual(before);
  mirror.clock.advance(2 * HOUR);
  expect((await mirror.sweep()).kind).toBe('names deleted');
  const blobs = before.filter((key) => key.includes('blobs/'));
  expect(mirror.keys().filter((key) => key.includes('blobs/'))).toEqual(blobs);
  expect(mirror.store.objects.has(tagKey('old'))).toBe(false);
  mirror.clock.advance(24 * HOUR);
  expect((await mirror.sweep()).kind).toBe('waits');
  mirror.clock.advance(2 * HOUR);
  expect((await mirror.sweep()).kind).toBe('done');
  expect(mirror.keys().filter((key) => key.includes('blobs/')).length).toBeLessThan(blobs.length);
});

test('what is needed again before a sweep stays, and is named', async () => {
  const digest = await mirror.push('old');
  await mirror.push('stays');
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'] };
  await mirror.condemn();
  mirror.used = [tagReference('old')];
  mirror.clock.advance(49 * HOUR);
  expect(await mirror.sweep()).toMatchObject({ kind: 'names deleted', objects: 0 });
  mirror.clock.advance(49 * HOUR);
  const result = await mirror.sweep();
  expect(result).toMatchObject({ kind: 'done', objects: 0 });
  expect('rescued' in result ? result.rescued.length : 0).toBeGreaterThan(3);
  expect(mirror.store.objects.has(manifestKey(digest))).toBe(true);
});

test('a line of a plan that is needed by now is not condemned', async () => {
  await mirror.push('old');
  await mirror.push('stays');
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'] };
  const plan = await mirror.plan();
  mirror.options = {};
  const condemned = await mirror.condemn(100, plan);
  expect([condemned.objects, condemned.lost.length]).toEqual([0, keysOf(plan).size]);
  expect(mirror.store.keys('state/_prune')).toEqual([]);
});

test('a plan that would delete too much is refused, and says so before', async () => {
  await mirror.push('old');
  await mirror.push('stays');
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'] };
  expect((await mirror.plan(10)).refusal).toMatch(/more than retention.maxDeletePercent \(10\)/);
  await expect(mirror.condemn(10)).rejects.toBeInstanceOf(PruneRefusedError);
  expect(mirror.store.keys('state/_prune')).toEqual([]);
});

test.each<[string, (one: PrunedMirror) => void, new (...args: never[]) => Error]>([
  ['a missing child', (one) => one.store.objects.delete(childKey(one)), IncompleteImageError],
  ['an index that cannot be read', (one) => damage(one, '_index.json'), Error],
  ['a tag that cannot be read', (one) => damage(one, '_tags/stays'), Error],
  ['a list of referrers that cannot be read', (one) => damage(one, '_referrers/'), Error],
])('%s ends a sweep with nothing deleted', async (_, change, kind) => {
  await mirror.push('old');
  await mirror.push('stays');
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'] };
  await mirror.condemn();
  change(mirror);
  const before = mirror.keys();
  mirror.clock.advance(49 * HOUR);
  await expect(mirror.sweep()).rejects.toBeInstanceOf(kind);
  expect(mirror.keys()).toEqual(before);
  expect(mirror.store.json('state/_prune.json')).toMatchObject({ phase: 'condemned' });
});

test.each(['lifeboat.json', 'state/default/catalog.json', 'repositories/elsewhere'])(
  'a list of condemned keys that names %s ends a sweep with nothing deleted',
  async (key) => {
    await mirror.push('old');
    await mirror.push('stays');
    await mirror.sync();
    mirror.clock.advance(100 * DAY);
    mirror.options = { tags: ['stays'] };
    await mirror.condemn();
    const [list = ''] = mirror.store.keys('state/_prune/');
    await mirror.store.put(list, Buffer.from(JSON.stringify({ keys: [key] })), {
      contentType: 'application/json',
    });
    const before = mirror.store.keys();
    mirror.clock.advance(49 * HOUR);
    await expect(mirror.sweep()).rejects.toThrow('it lists a key that is never pruned');
    expect(mirror.store.keys()).toEqual(before);
  },
);

test('a list of condemned keys cannot make a sweep delete what is needed', async () => {
  await mirror.push('old');
  const digest = await mirror.push('stays');
  await mirror.sync();
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'] };
  await mirror.condemn();
  const [list = ''] = mirror.store.keys('state/_prune/');
  const everything = Buffer.from(JSON.stringify({ keys: mirror.keys() }));
  await mirror.store.put(list, everything, { contentType: 'application/json' });
  await mirror.finish();
  expect([mirror.store.objects.has(manifestKey(digest)), faultsOf(mirror.store)]).toEqual([true, []]);
});

test('a signature that is a tag stays as long as its image, and goes with it', async () => {
  const [old, stays] = [await mirror.push('old'), await mirror.push('stays')];
  const signatures = [old, stays].map((digest) => {
    const tag = `${digest.replace(':', '-')}.sig`;
    const annotations = { of: digest };
    tagAs(
      mirror.content,
      addArtifact(mirror.content, { artifactType: 'application/signature', annotations }),
      tag,
    );
    return tagKey(tag);
  });
  mirror.options = { tags: ['old', 'stays'] };
  await mirror.sync();
  expect(signatures.map((key) => mirror.store.objects.has(key))).toEqual([true, true]);
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'] };
  await mirror.pruneAll();
  expect(signatures.map((key) => mirror.store.objects.has(key))).toEqual([false, true]);
  expect(mirror.store.keys('_tags/')).toHaveLength(2);
  expect(mirror.store.keys('_history/')).toHaveLength(2);
  expect(faultsOf(mirror.store)).toEqual([]);
});

test('unfinished uploads that are older than a day are aborted', async () => {
  await mirror.push('old');
  await mirror.push('stays');
  await mirror.sync();
  await mirror.store.beginUpload('blobs/sha256/left', 'text/plain');
  mirror.clock.advance(100 * DAY);
  mirror.options = { tags: ['stays'] };
  await mirror.pruneAll();
  expect(mirror.store.uploads.size).toBe(0);
});

/** The key of a manifest that the index of the tag "stays" lists. */
function childKey(one: PrunedMirror): string {
  const index = one.content.manifests.get(one.content.tags.get('stays') ?? '');
  const [, digest = ''] = /"digest": "(sha256:[0-9a-f]+)"/.exec(index?.bytes.toString() ?? '') ?? [];
  return manifestKey(digest);
}

function damage(one: PrunedMirror, part: string): void {
  const index = one.content.tags.get('stays') ?? '';
  const key =
    one.store.keys(part).find((found) => part !== '_referrers/' || found.includes(index.slice(7))) ?? '';
  const object = one.store.objects.get(key);
  if (object === undefined) throw new Error(`There is no ${part}.`);
  one.store.objects.set(key, { ...object, bytes: Buffer.from('{') });
}
