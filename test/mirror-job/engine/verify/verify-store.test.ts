/** A check of a bucket never calls whole what it could not read, and asks for each object once. */
import { expect, test } from 'vitest';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { VerifyScene } from './verify-scene.ts';

test('whichever single read fails, the result is not known and never whole, and names the failure', async () => {
  const scene = await VerifyScene.fill(2);
  const whole = await scene.quick();
  expect([whole.problems, whole.unknown]).toEqual([[], []]);
  const calls = [...scene.store.calls];
  expect(calls.length).toBeGreaterThan(12);
  for (let failing = 0; failing < calls.length; failing += 1) {
    let count = 0;
    scene.store.before = () => {
      count += 1;
      if (count === failing + 1) throw new StoreError('the store failed here.');
    };
    const result = await scene.quick();
    expect([calls[failing], result.unknown]).toEqual([calls[failing], ['the store failed here.']]);
    expect([calls[failing], result.problems]).toEqual([calls[failing], []]);
  }
});

test('a listing that breaks off is not known, and what it did not come to is not called missing', async () => {
  const scene = await VerifyScene.fill();
  const entries = scene.store.entries.bind(scene.store);
  scene.store.entries = async function* (prefix: string) {
    let count = 0;
    for await (const object of entries(prefix)) {
      count += 1;
      if (count > 8) throw new StoreError('the listing broke off.');
      yield object;
    }
  };
  const result = await scene.quick();
  expect([result.problems, result.unknown]).toEqual([[], ['the listing broke off.']]);
});

test('a store that lists in another order is not known', async () => {
  const scene = await VerifyScene.fill();
  const entries = scene.store.entries.bind(scene.store);
  scene.store.entries = async function* (prefix: string) {
    const all = [];
    for await (const object of entries(prefix)) all.push(object);
    yield* all.toReversed();
  };
  const result = await scene.quick();
  expect(result.unknown).toEqual([expect.stringContaining('not in the order of keys')]);
});

test('each object is read once, and links and the manifests of tags not at all where their ETags are MD5s', async () => {
  const scene = await VerifyScene.fill(3);
  await scene.quick();
  const reads = scene.store.calls.filter((call) => !call.startsWith('entries'));
  expect(reads.filter((call) => /_blobs\/|^get blobs/.test(call))).toEqual([]);
  expect(new Set(reads).size).toBe(reads.length);
  // Two children of the index, and its SBOM.
  expect(reads.filter((call) => call.includes('_manifests/'))).toHaveLength(3);
  expect(scene.store.calls.filter((call) => call.startsWith('entries'))).toEqual(['entries ']);
});

test('objects that are written while the check is under way are not called missing', async () => {
  const scene = await VerifyScene.fill();
  const [key = ''] = scene.blobs();
  const blob = scene.store.objects.get(key);
  if (blob === undefined) throw new Error('It is stored.');
  scene.store.objects.delete(key);
  scene.store.before = (call, at) => {
    if (call === 'get' && at.includes('_tags/')) scene.store.objects.set(key, blob);
  };
  expect((await scene.quick()).problems).toEqual([]);
});

test('a list that a run completes while the check is under way is no problem', async () => {
  const scene = await VerifyScene.fill(2);
  const key = 'repositories/mirror.test/app/_tags.json';
  const whole = scene.store.objects.get(key);
  if (whole === undefined) throw new Error('It is stored.');
  const bytes = Buffer.from('{"name":"mirror.test/app","tags":["1"]}');
  scene.store.objects.set(key, { ...whole, bytes });
  expect((await scene.quick()).problems.map(({ kind }) => kind)).toEqual(['tag-list-stale']);
  scene.store.before = (call, prefix) => {
    // The second look begins with a listing of the repository.
    if (call === 'entries' && prefix !== '') scene.store.objects.set(key, whole);
  };
  expect((await scene.quick()).problems).toEqual([]);
});

test('the image of a tag that was taken off both lists is counted as unneeded, and is no problem', async () => {
  const scene = await VerifyScene.fill(2);
  const app = 'repositories/mirror.test/app';
  scene.store.objects.delete(`${app}/_tags/2`);
  const index = Object(scene.store.json(`${app}/_index.json`));
  const manifests = index.manifests.filter(
    ({ annotations }: { annotations: Record<string, string> }) =>
      annotations['org.opencontainers.image.ref.name'] !== '2',
  );
  for (const [key, json] of [
    [`${app}/_tags.json`, { name: 'mirror.test/app', tags: ['1'] }],
    [`${app}/_index.json`, { ...index, manifests }],
  ] as const) {
    await scene.store.put(key, Buffer.from(JSON.stringify(json)), { contentType: 'application/json' });
  }
  const result = await scene.quick();
  expect(result.unneeded).toMatchObject({ blobs: 2, manifests: 1, links: 2 });
  expect(result.problems).toEqual([]);
});

test('a repository of which the only tag is lost has no problem of its catalogue beside it', async () => {
  const scene = await VerifyScene.fill();
  scene.store.objects.delete('repositories/mirror.test/app/_tags/1');
  expect((await scene.quick()).problems.map(({ kind }) => kind)).toEqual(['tag-missing']);
});
