/** Tests `lifeboat status` over a bucket that runs have filled: its tables, its filters, its JSON and its exit codes. */
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addImage, addIndex, addLayer, AMD64, ARM64, tagAs } from '../../support/builder.ts';
import { s3ClientOf } from '../../support/bucket-reader.ts';
import { emptyRepository, type Repository } from '../../support/content.ts';
import { writeLayout } from '../../support/oci-layout.ts';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';
import { createIo, runMain, type Ended } from '../support/io.ts';

vi.setConfig({ hookTimeout: 60_000 });

let folder = '';
let store: Buckets;

const app = emptyRepository();
const tool = emptyRepository();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-status-'));
  store = await emptyBuckets(2);
  await addTo(app, 'one', 'stable', '1.0');
  await addTo(app, 'two', '1.1');
  await addTo(tool, 'tool', 'v1');
  await configure('lifeboat.yaml', ['app', 'tool']);
  await configure('one.yaml', ['app']);
  await configure('more.yaml', ['app', 'tool', 'late']);
  await configure('empty.yaml', ['app'], 1);
  await configure('other.yaml', ['app'], 0, 'other');
  await mirror();
  // The tag stable is held, and upstream has deleted 1.1.
  app.tags.delete('1.1');
  await addTo(app, 'three', 'stable');
  await mirror();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function addTo(content: Repository, text: string, ...tags: string[]): Promise<void> {
  const images = [AMD64, ARM64].map(async (platform) =>
    addImage(content, { platform, layers: [await addLayer(content, `${text} ${platform.architecture}`)] }),
  );
  tagAs(content, addIndex(content, await Promise.all(images)), ...tags);
}

async function configure(
  file: string,
  names: readonly string[],
  bucket = 0,
  name = 'default',
): Promise<void> {
  const { endpoint, region, accessKeyId, secretAccessKey } = store;
  await writeFile(
    join(folder, file),
    JSON.stringify({
      name,
      store: { endpoint, bucket: store.buckets[bucket], region, accessKeyId, secretAccessKey },
      images: names.map((one) => ({
        source: `oci:./${one}`,
        name: `images.test/team/${one}`,
        tags: ['*'],
        moves: { policy: one === 'app' ? 'hold' : 'follow' },
      })),
    }),
  );
}

async function mirror(): Promise<void> {
  for (const [name, content] of Object.entries({ app, tool })) {
    await rm(join(folder, name), { recursive: true, force: true });
    await writeLayout(content, join(folder, name));
  }
  const { code, stderr } = await lifeboat('sync');
  if (code !== 0) throw new Error(`The bucket was not filled:\n${stderr}`);
}

function lifeboat(...args: readonly string[]): Promise<Ended> {
  return runMain(args, createIo({ cwd: folder }));
}

/** The text without what differs from run to run. */
function steady(text: string): string {
  return text
    .replaceAll(/sha256:[0-9a-f]{64}/g, 'sha256:WHOLE')
    .replaceAll(/\b[0-9a-f]{12}\b/g, 'DIGEST')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\dZ/g, 'TIME')
    .replaceAll('1 minute ago', 'just now')
    .replaceAll(/\b1\.\d just now/g, '1.N just now');
}

interface Name {
  readonly repository: string;
  readonly tag: string;
}

const TEXT = `default: the last run ended just now (TIME) and succeeded: 2 unchanged, 1 held, 1 gone.
2 repositories · 4 tags · 1 held · 1 gone upstream

`;
const HELD = `
held  images.test/team/app:stable at DIGEST, upstream at DIGEST, since TIME
      moves.policy is hold. lifeboat approve images.test/team/app:stable@sha256:WHOLE
`;

test('without options, each repository is a row, and held tags have the command that approves them', async () => {
  const { code, stdout, stderr } = await lifeboat('status');
  expect(steady(stdout)).toBe(`${TEXT}repository             tags  held  gone  checked   moved last
images.test/team/app      3     1     1  just now  1.N just now
images.test/team/tool     1              just now  v1 just now
${HELD}`);
  expect([code, stderr]).toEqual([0, '']);
});

test('--tags has each tag: where it is, since when, whether it follows, its size and its platforms', async () => {
  const { code, stdout } = await lifeboat('status', '--tags');
  expect(code).toBe(0);
  expect(steady(stdout))
    .toBe(`${TEXT}image                        digest        since     state                       size  platforms
images.test/team/app:1.1     DIGEST  just now  gone just now             2.9 kB  linux/amd64 linux/arm64
images.test/team/app:1.0     DIGEST  just now  follows                   2.9 kB  linux/amd64 linux/arm64
images.test/team/app:stable  DIGEST  just now  held, DIGEST waits  2.9 kB  linux/amd64 linux/arm64
images.test/team/tool:v1     DIGEST  just now  follows                   2.9 kB  linux/amd64 linux/arm64
${HELD}`);
});

test.each([
  [['--repository', 'images.test/team/tool'], ['tool:v1']],
  [['--repository', 'images.test/**/t*'], ['tool:v1']],
  [
    ['--tags', '--repository', 'images.test/team/*'],
    ['app:1.1', 'app:1.0', 'app:stable', 'tool:v1'],
  ],
  [['--tags', '--held'], ['app:stable']],
  [['--tags', '--stale', '1d'], []],
])('%j shows the tags %j', async (options, expected) => {
  const { code, stdout } = await lifeboat('status', ...options, '--json');
  const { images }: { images: { tags: Name[] } } = JSON.parse(stdout);
  expect([code, images.tags.map(({ repository, tag }) => `${repository}:${tag}`)]).toEqual([
    0,
    expected.map((name) => `images.test/team/${name}`),
  ]);
});

async function chosen(...options: string[]): Promise<string[]> {
  const { stdout } = await lifeboat('status', ...options, '--json');
  const { repositories }: { repositories: { name: string }[] } = JSON.parse(stdout);
  return repositories.map(({ name }) => name.replace('images.test/team/', ''));
}

test('--held and --stale choose repositories', async () => {
  expect(await chosen('--held')).toEqual(['app']);
  expect(await chosen('-c', 'more.yaml', '--stale', '1h')).toEqual(['late']);
  // A repository that is not listed any more cannot become stale.
  const first = () => chosen('-c', 'one.yaml', '--stale', '1s');
  await expect.poll(first, { timeout: 10_000 }).toEqual(['app']);
});

test('JSON has whole digests, the last run, and the alarms', async () => {
  const { stdout } = await lifeboat('status', '-c', 'more.yaml', '--json');
  expect(JSON.parse(stdout)).toMatchObject({
    name: 'default',
    staleAfterMs: 172_800_000,
    lastRun: { exitCode: 0, counts: { unchanged: 2, held: 1, gone: 1 } },
    alarms: ['images.test/team/late has never been checked'],
    held: [{ tag: 'stable', digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) }],
  });
});

test('--check exits with 3 if something is stale, and --held hides no alarm', async () => {
  expect(await lifeboat('status', '--check')).toMatchObject({ code: 0 });
  const late = await lifeboat('status', '-c', 'more.yaml', '--check', '--held');
  expect(late).toMatchObject({
    code: 3,
    stdout: expect.stringContaining('\nimages.test/team/late has never been checked.\n'),
  });
  const old = () => lifeboat('status', '--check', '--stale', '1s');
  await expect.poll(old, { timeout: 10_000 }).toMatchObject({
    code: 3,
    stdout: expect.stringContaining('\nthe last run ended too long ago.\n'),
  });
});

test('nothing is written', async () => {
  const before = await stored();
  await lifeboat('status', '--tags', '--check');
  expect(before.length).toBeGreaterThan(20);
  expect(await stored()).toEqual(before);
});

/** @returns each object with the time of its last write */
async function stored(): Promise<string[]> {
  const client = s3ClientOf(store);
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: store.buckets[0] }));
  client.destroy();
  return Contents.map(({ Key, ETag, LastModified }) => `${Key} ${ETag} ${LastModified?.toISOString()}`);
}

test.each([
  [['-c', 'empty.yaml'], 2, /has no lifeboat\.json/],
  [
    ['-c', 'other.yaml'],
    1,
    /^failed no run of "other" has written an overview into the bucket .* yet\. Run "lifeboat sync -c other\.yaml" once\.\n$/,
  ],
  [['--stale', '2'], 2, /--stale 2 needs a unit: 2s, 2m, 2h or 2d\./],
  ...['0', '0s', '0.0000001s', '999ms'].map((stale): [string[], number, RegExp] => [
    ['--check', '--stale', stale],
    2,
    /^lifeboat: --stale .*: it has to be at least 1s\. With less, everything would be stale at once\.\n$/,
  ]),
  [['app'], 2, /name a repository by --repository: "app" stands alone\./],
  [['--repository', 'nginx:1'], 2, /without a tag and a digest, as in docker\.io\/library\/nginx\./],
  [['--repository', 'a{'], 2, /has a bracket without its partner/],
  [
    ['--repository='],
    2,
    /^lifeboat: --repository names no repository\. Name one as in docker\.io\/library\/nginx, or several as in quay\.io\/\*\*\.\n$/,
  ],
  [['--repository', 'A b'], 2, /--repository A b: /],
])('%j ends with %i and a sentence', async (options, code, message) => {
  const ended = await lifeboat('status', ...options);
  expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) });
});

test('a run that fails is an alarm, and its items have their reasons', async () => {
  await rm(join(folder, 'tool'), { recursive: true });
  expect(await lifeboat('sync')).toMatchObject({ code: 1 });
  const { code, stdout } = await lifeboat('status', '--check');
  expect(code).toBe(3);
  expect(stdout).toContain(
    ' and failed for 1 item: 1 unchanged, 1 held, 1 failed.\nthe last run did not succeed.\n',
  );
  expect(stdout).toMatch(
    /\nfailed {2}images\.test\/team\/tool\n {8}the last run failed to mirror it: .*tool.*\.\n/,
  );
});

test('a --repository that means nothing is an alarm, because a monitor would take it for good', async () => {
  const ended = await lifeboat(
    'status',
    '--check',
    '--repository',
    'images.test/team/tol',
    '--repository',
    'images.test/**',
  );
  expect(ended.code).toBe(3);
  expect(ended.stdout).toContain(
    '\nthe mirror has no repository that --repository images.test/team/tol means.\n',
  );
  expect(ended.stdout).not.toContain('--repository images.test/**');
});
