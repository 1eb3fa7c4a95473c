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
