/** Tests `lifeboat verify` with two real stores: against each other, repaired from each other, and beside what upstream has. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { digestOfTag } from '../../support/content.ts';
import { DamagedBucket } from './damaged-bucket.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Whether an object is no memory of the job's own. */
function isServed([key]: [string, string]): boolean {
  return !key.endsWith('_index.json');
}

let bucket: DamagedBucket;

beforeAll(async () => {
  bucket = await DamagedBucket.open(2);
});

afterAll(() => bucket.close());

test('what one of two stores has lost or has damaged comes back from the other one, although upstream is gone', async () => {
  const file = await bucket.fill('two', [0, 1]);
  const whole = await bucket.verify(file);
  expect([whole.code, whole.report.differences]).toMatchObject([0, [{ differences: [] }]]);
  const before = await bucket.content('two', 1);
  const [first = '', second = ''] = await bucket.keys('two', /^blobs\//, 1);
  const [manifest = ''] = await bucket.keys('two', /app\/_manifests\//, 1);
  const tag = 'repositories/a.b/app/_tags/2';
  await bucket.flip('two', first, 1);
  for (const key of [second, manifest, tag]) await bucket.remove('two', key, 1);
  const found = await bucket.verify(file, '--deep');
  expect(found.code).toBe(3);
  expect(found.report.stores.map(({ problems }) => new Set(problems.map(({ kind }) => kind)))).toEqual([
    new Set(),
    new Set(['blob-bytes', 'blob-missing', 'manifest-missing', 'tag-missing']),
  ]);
  const keysOf = (result: typeof found) =>
    result.report.differences.flatMap(({ differences }) => differences.map(({ key }) => key));
  expect(keysOf(found)).toEqual([second, manifest, tag]);

  await rename(join(bucket.folder, 'app'), join(bucket.folder, 'app-away'));
  await rename(join(bucket.folder, 'signed'), join(bucket.folder, 'signed-away'));
  try {
    const repaired = await bucket.verify(file, '--deep', '--repair');
    expect([repaired.code, repaired.repaired.filter(({ result }) => result !== 'repaired')]).toEqual([0, []]);
    expect(keysOf(repaired)).toEqual([]);
  } finally {
    await rename(join(bucket.folder, 'app-away'), join(bucket.folder, 'app'));
    await rename(join(bucket.folder, 'signed-away'), join(bucket.folder, 'signed'));
  }
  const after = await bucket.content('two', 1);
  expect([...after].filter(isServed)).toEqual([...before].filter(isServed));
});

const APP = 'repositories/a.b/app/';

/** Takes the upstreams away while something is done. */
async function withoutUpstream<Result>(work: () => Promise<Result>): Promise<Result> {
  const names = ['app', 'signed'].map((name) => join(bucket.folder, name));
  for (const name of names) await rename(name, `${name}-away`);
  try {
    return await work();
  } finally {
    for (const name of names) await rename(`${name}-away`, name);
  }
}

test.each([
  ['a tag with its index', 'lost-tag', /app\/(?:_index\.json|_tags\/2)$/],
  ['a whole repository', 'lost-repository', /app\//],
])('%s that the first of two stores has lost comes back from the other one', async (_, prefix, pattern) => {
  const file = await bucket.fill(prefix, [0, 1]);
  const before = await bucket.content(prefix);
  for (const key of await bucket.keys(prefix, pattern)) {
    if (key.startsWith(APP)) await bucket.remove(prefix, key);
  }
  const found = await bucket.verify(file);
  expect([found.code, found.problems.map(({ kind }) => kind)]).toEqual([
    3,
    expect.arrayContaining(['tag-missing']),
  ]);
  const { code, report } = await withoutUpstream(() => bucket.verify(file, '--repair'));
  expect([code, report.stores.map(({ problems }) => problems), report.differences]).toMatchObject([
    0,
    [[], []],
    [{ differences: [] }],
  ]);
  const after = await bucket.content(prefix);
  expect([...after].filter(isServed)).toEqual([...before].filter(isServed));
});

test('a tag that is lost with its index in the only store is named with its digest, and the command that is printed puts it back', async () => {
  const file = await bucket.fill('only');
  for (const name of ['_index.json', '_tags/2']) await bucket.remove('only', `${APP}${name}`);
  const { code, stdout } = await bucket.lifeboat('verify', '-c', file, '--repair');
  expect(code).toBe(3);
  const image = `a.b/app:2@${digestOfTag(bucket.images, '2')}`;
  expect(stdout).toContain(`lost, with the digest of the last movement:\n    ${image}\n`);
  expect(stdout).toContain('lifeboat rescue -c only.yaml NAME:TAG@DIGEST --from bucket:OTHER.yaml\n');
  const rescued = await bucket.lifeboat('rescue', image, '-c', file, '--from', `bucket:${file}`);
  expect([rescued.code, rescued.stderr]).toEqual([0, '']);
  expect((await bucket.verify(file)).code).toBe(0);
});

/** Takes a tag off the lists of the first store and deletes it, as a prune does. */
async function prune(prefix: string, tag: string): Promise<void> {
  for (const [name, field] of [
    ['_tags.json', 'tags'],
    ['_index.json', 'manifests'],
  ] as const) {
    const { bytes, contentType } = await bucket.read(prefix, `${APP}${name}`);
    const json = JSON.parse(bytes.toString());
    json[field] = json[field].filter(
      (one: string | { annotations: Record<string, string> }) =>
        (typeof one === 'string' ? one : one.annotations['org.opencontainers.image.ref.name']) !== tag,
    );
    await bucket.put(prefix, `${APP}${name}`, Buffer.from(JSON.stringify(json)), contentType);
  }
  for (const key of await bucket.keys(prefix, new RegExp(`app/(?:_tags|_history)/${tag}(?:/|$)`))) {
    await bucket.remove(prefix, key);
  }
}

test('stores in step that differ are not told that sync helps, and the steps that are named make them the same', async () => {
  const file = await bucket.fill('apart', [0, 1]);
  await prune('apart', '2');
  const { code, stdout } = await bucket.lifeboat('verify', '-c', file, '--repair');
  expect(code).toBe(3);
  expect(stdout).not.toContain('to bring the stores in step');
  expect(stdout).toMatch(/prune the other one, too:\n {2}lifeboat prune -c apart\.yaml\nto make one like/);
  const layout = join(bucket.folder, 'app', 'index.json');
  const before = await readFile(layout, 'utf8');
  const json = JSON.parse(before);
  await writeFile(layout, JSON.stringify({ ...json, manifests: json.manifests.slice(0, 1) }));
  try {
    await bucket.lifeboat('sync', '-c', file);
    expect((await bucket.verify(file)).code).toBe(3);
    await bucket.configure('apart', [1, 0]);
    await bucket.remove('apart', 'state/_stores.json');
    await bucket.lifeboat('sync', '-c', file);
    expect((await bucket.verify(file)).report.differences).toMatchObject([{ differences: [] }]);
  } finally {
    await writeFile(layout, before);
  }
});

test('a store that is behind is told to be brought in step by sync, which does it', async () => {
  const file = await bucket.fill('behind', [0, 1]);
  const layout = join(bucket.folder, 'app', 'index.json');
  const before = await readFile(layout, 'utf8');
  await bucket.configure('behind', [0]);
  await writeFile(layout, before.replaceAll('"2"', '"3"'));
  try {
    await bucket.lifeboat('sync', '-c', file);
  } finally {
    await writeFile(layout, before);
  }
  await bucket.configure('behind', [0, 1]);
  const { code, stdout } = await bucket.lifeboat('verify', '-c', file);
  expect([code, stdout]).toEqual([
    3,
    expect.stringContaining('to bring the stores in step:\n  lifeboat sync -c behind.yaml'),
  ]);
  await bucket.lifeboat('sync', '-c', file);
  expect((await bucket.verify(file)).code).toBe(0);
});

test('what no store and no upstream has stays a problem, and the command that is left is named', async () => {
  const file = await bucket.fill('lost');
  const [blob = ''] = await bucket.keys('lost', /^blobs\//);
  await bucket.remove('lost', blob);
  await rename(join(bucket.folder, 'app'), join(bucket.folder, 'app-away'));
  await rename(join(bucket.folder, 'signed'), join(bucket.folder, 'signed-away'));
  try {
    const { code, stdout } = await bucket.lifeboat('verify', '-c', file, '--repair');
    expect(code).toBe(3);
    expect(stdout).toMatch(/failed a\.b\/\w+: the blob sha256:.* is missing\. .*has no blob/);
    expect(stdout).toContain('lifeboat rescue -c lost.yaml IMAGE --from SOURCE');
  } finally {
    await rename(join(bucket.folder, 'app-away'), join(bucket.folder, 'app'));
    await rename(join(bucket.folder, 'signed-away'), join(bucket.folder, 'signed'));
  }
});

test('--upstream says which tags upstream has otherwise, which is no damage', async () => {
  const file = await bucket.fill('drift');
  const index = join(bucket.folder, 'app', 'index.json');
  const before = await readFile(index, 'utf8');
  const json = JSON.parse(before);
  json.manifests = json.manifests.filter(
    ({ annotations }: { annotations: Record<string, string> }) =>
      annotations['org.opencontainers.image.ref.name'] !== '2',
  );
  await writeFile(index, JSON.stringify(json));
  try {
    const { code, report } = await bucket.verify(file, '--upstream');
    expect([code, report.drift?.drifts]).toMatchObject([
      0,
      [{ image: 'a.b/app:2', how: expect.stringContaining('upstream has had no such tag') }],
    ]);
    // Whether upstream answers does not count either.
    await writeFile(index, 'no json');
    const away = await bucket.verify(file, '--upstream');
    expect([away.code, away.report.drift?.unknown.join()]).toEqual([0, expect.stringContaining('a.b/app')]);
    const text = await bucket.lifeboat('verify', '--upstream', '-c', file);
    expect(text.stdout).toMatch(/upstream could not be asked:\n.*a\.b\/app(?:.*\n)+whole, as far as/);
  } finally {
    await writeFile(index, before);
  }
  expect(digestOfTag(bucket.images, '2')).toMatch(/^sha256:/);
});
