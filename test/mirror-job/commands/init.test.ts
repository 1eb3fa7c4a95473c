/** Tests `lifeboat init` without a terminal: the file that it writes, the trial of the bucket, and what it refuses. */
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { s3ClientOf } from '../../support/bucket-reader.ts';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';
import { createIo, runMain, type Ended } from '../support/io.ts';

vi.setConfig({ hookTimeout: 60_000 });

let store: Buckets;
let folder = '';

beforeAll(async () => {
  store = await emptyBuckets(2);
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-init-'));
  return () => rm(folder, { recursive: true, force: true });
});

let client: ReturnType<typeof s3ClientOf>;
beforeAll(() => {
  client = s3ClientOf(store);
});
afterAll(() => client?.destroy());

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return runMain(args, createIo({ cwd: folder, env }));
}

const keys = () => ({ S3_ACCESS_KEY_ID: store.accessKeyId, S3_SECRET_ACCESS_KEY: store.secretAccessKey });
const place = (index = 0) => [
  '--endpoint',
  store.endpoint,
  '--bucket',
  store.buckets[index] ?? '',
  '--region',
  store.region,
];
const ALL = ['docker.io/library/nginx:1.27', '--audience', 'public'];

test('without keys, the file is written, and the next command is said', async () => {
  const { code, stdout, stderr } = await run([
    'init',
    ...ALL,
    '--endpoint',
    'https://s3.example.com',
    '--bucket',
    'mirror',
  ]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toBe(`written lifeboat.yaml
The bucket was not tried, because S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY are not set.
Next: set them, and see what a run would do: lifeboat plan, then lifeboat sync
`);
  expect(await readFile(join(folder, 'lifeboat.yaml'), 'utf8')).toMatch(
    /^store:\n {2}endpoint: https:\/\/s3\.example\.com\n {2}bucket: mirror\n {2}region: auto\n/m,
  );
});

test.each<[title: string, options: readonly string[]]>([
  [
    'of images, with all answers',
    [
      ...ALL,
      'quay.io/a/b@sha256:' + 'a'.repeat(64),
      '--endpoint',
      'https://s3.example.com',
      '--bucket',
      'm',
      '--platform',
      'linux/amd64',
      '--platform',
      'linux/arm/v7',
      '--edge',
      'https://mirror.example.com',
    ],
  ],
  [
    'of clusters, at AWS',
    [
      '--bucket',
      'm',
      '--region',
      'eu-central-1',
      '--cluster',
      'prod',
      '--cluster',
      'test-1',
      '--upstream',
      'docker.io',
      '--upstream',
      'registry.internal:5000',
      '--audience',
      'token',
      '--edge',
      'https://mirror.example.com',
    ],
  ],
  [
    'of both, with variables',
    [
      ...ALL,
      '--cluster',
      'prod',
      '--upstream',
      'quay.io',
      '--endpoint',
      '${ENDPOINT}',
      '--bucket',
      '${BUCKET}',
      '--region',
      '${REGION}',
    ],
  ],
])('the file %s passes "lifeboat check"', async (_, options) => {
  // At AWS, the SDK's own chain finds no key here.
  const isAws = !options.includes('--endpoint');
  expect(await run(['init', '-o', 'made.yaml', ...options])).toMatchObject({ code: isAws ? 1 : 0 });
  expect(await run(['check', '-c', 'made.yaml'])).toMatchObject({ code: 0, stderr: '' });
});

test('an answer that is given twice is written once', async () => {
  const options = [
    'nginx:1 nginx:1 docker.io/library/nginx:1 nginx:2 --bucket m --region r --audience public',
    '--platform linux/arm64 --platform linux/arm64/v8',
    '--cluster prod --cluster prod --upstream docker.io --upstream index.docker.io',
  ].flatMap((line) => line.split(' '));
  await run(['init', ...options]);
  const text = await readFile(join(folder, 'lifeboat.yaml'), 'utf8');
  expect(text.match(/^ +(?:- nginx|clusters:|upstreams:|platforms:).*$/gm)).toEqual([
    '  platforms: [linux/arm64]',
    '  - nginx:1',
    '  - nginx:2',
    '      clusters: [prod]',
    '      upstreams: [docker.io]',
  ]);
});

test('the lines that are comments can be used once their sign is gone', async () => {
  await run(['init', ...ALL, '--endpoint', 'https://s3.example.com', '--bucket', 'm', '--audience', 'token']);
  const text = await readFile(join(folder, 'lifeboat.yaml'), 'utf8');
  const opened = text.replaceAll(/^( *)# (?=(?:edge|defaults|upstreams):|- source| {2,}\S)/gm, '$1');
  expect(opened).not.toBe(text);
  await writeFile(join(folder, 'lifeboat.yaml'), opened);
  expect(await run(['check'])).toMatchObject({ code: 0, stderr: '' });
});

test('an empty bucket is tried and stays empty of an audience, and the run after it takes the bucket', async () => {
  const { code, stdout, stderr } = await run(['init', ...ALL, ...place()], keys());
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /^The bucket ".*" at .* answers, is empty, and honours conditional writes\.\nNext: /m,
  );
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: store.buckets[0] }));
  expect(Contents.map(({ Key }) => Key)).toEqual(['state/default/probe']);

  const layout = { source: 'oci:./absent', name: 'images.test/a', tags: ['*'] };
  const text = await readFile(join(folder, 'lifeboat.yaml'), 'utf8');
  await writeFile(
    join(folder, 'run.yaml'),
    text.replace(/^images:\n(?:.*\n)*/m, `images: ${JSON.stringify([layout])}\n`),
  );
  // The layout is missing, which fails an item and not the run.
  expect(await run(['sync', '-c', 'run.yaml'], keys())).toMatchObject({ code: 1, stderr: '' });
  const again = await run(['init', '-o', 'again.yaml', ...ALL, ...place()], keys());
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining(' is Lifeboat’s already,') });
  const other = await run(['init', '-o', 'other.yaml', ...ALL, ...place(), '--audience', 'token'], keys());
  expect(other).toMatchObject({
    code: 1,
    stdout: expect.stringContaining(
      '\nNext: mend that, and see what a run would do: lifeboat plan -c other.yaml',
    ),
    stderr: expect.stringMatching(/is for the audience "public", and the configuration says "token"/),
  });
});

test('a bucket of others, and one that does not answer, are said, and the file stays', async () => {
  await client.send(new PutObjectCommand({ Bucket: store.buckets[1], Key: 'photo.jpg', Body: 'x' }));
  const foreign = await run(['init', ...ALL, ...place(1)], keys());
  expect(foreign).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^failed lifeboat\.yaml:\d+: store: .*holds other things \("photo\.jpg"\)/),
  });
  const silent = ['init', '-o', 'silent.yaml', ...ALL, '--endpoint', 'http://127.0.0.1:1', '--bucket', 'm'];
  expect(await run(silent, keys())).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^failed silent\.yaml:\d+: store: /),
  });
  expect(await readFile(join(folder, 'silent.yaml'), 'utf8')).toContain('bucket: m');
});

test('a file is never replaced', async () => {
  await writeFile(join(folder, 'lifeboat.yaml'), 'mine');
  const ended = await run(['init', ...ALL, '--endpoint', 'https://s3.example.com', '--bucket', 'm']);
  expect(ended).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'lifeboat: lifeboat.yaml: it exists already, and is not replaced. Name another file with -o FILE.\n',
  });
  expect(await readFile(join(folder, 'lifeboat.yaml'), 'utf8')).toBe('mine');
});

test.each([
  [
    [],
    'there is no terminal to ask on, so these have to be given: --bucket NAME; --endpoint URL, or --region REGION for AWS; IMAGE..., or --cluster NAME with --upstream HOST; --audience public|token. "lifeboat init --help" explains it.',
  ],
  [
    ['--bucket', 'm', '--endpoint', 'https://a.b', '--cluster', 'prod', '--audience', 'token'],
    'there is no terminal to ask on, so these have to be given: --upstream HOST. "lifeboat init --help" explains it.',
  ],
  [
    ['nginx'],
    'IMAGE: "nginx" has no tag: write one, as in nginx:1.0. lifeboat.yaml can select several later.',
  ],
  [['--audience', 'all'], '--audience: "all": it is public or token.'],
  [['--platform', 'amd'], '--platform: "amd" is not a platform, such as linux/amd64 or linux/arm/v7.'],
  [['--edge', 'https://a.b/c'], '--edge: "https://a.b/c": it must end after the host: write https://a.b.'],
  [
    ['--endpoint', 's3.example.com'],
    '--endpoint: "s3.example.com" is not an address such as https://s3.example.com.',
  ],
  [
    ['--endpoint', 'https://s3.example.com/#x'],
    '--endpoint: it must have no fragment: leave out the # and what follows it, as in https://s3.example.com.',
  ],
  [
    ['--endpoint', 'https://s3.example.com/?a=b'],
    '--endpoint: it must have no query: leave out the ? and what follows it, as in https://s3.example.com.',
  ],
  [
    ['--endpoint', 'https://me:hunter2@s3.example.com'],
    '--endpoint: it must be an address alone: keys belong in accessKeyId and secretAccessKey.',
  ],
  [
    ['--bucket', 'a/../b'],
    '--bucket: "a/../b" is not a name that a bucket can have: it has letters, digits, ".", "_" and "-", begins with a letter or a digit, and has no two dots side by side, as in lifeboat-mirror. A folder of the bucket goes into prefix.',
  ],
  ...[
    '--endpoint',
    '--bucket',
    '--region',
    '--cluster',
    '--upstream',
    '--audience',
    '--platform',
    '--edge',
  ].map((option): [string[], string] => [
    ['nginx:1', option, ''],
    `${option}: it is empty. Give it a value, or leave it out.`,
  ]),
  [
    [
      'nginx:1',
      '--upstream',
      'docker.io',
      '--endpoint',
      'https://a.b',
      '--bucket',
      'm',
      '--audience',
      'public',
    ],
    '--upstream: it says which registries the images of a cluster may come from, so it needs --cluster NAME. Name the cluster too, or leave --upstream out.',
  ],
  [
    ['-o', 'absent/lifeboat.yaml'],
    '--output absent/lifeboat.yaml: it cannot be written (ENOENT). Its directory has to exist, and this user has to be allowed to write in it.',
  ],
  [[''], 'IMAGE: it is empty. Give it a value, or leave it out.'],
  [
    ['--cluster', 'Prod'],
    '--cluster: "Prod" is not a name of a cluster: lower-case letters, digits, dots and hyphens, 63 at most.',
  ],
])('%j is refused in a sentence, and nothing is written', async (args, message) => {
  expect(await run(['init', ...args])).toEqual({ code: 2, stdout: '', stderr: `lifeboat: ${message}\n` });
  await expect(readFile(join(folder, 'lifeboat.yaml'))).rejects.toThrow('ENOENT');
});
