/** Tests `lifeboat drill` as people type it, over a bucket that a run has filled: its arguments, texts, files and exit codes. */
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addImage, addIndex, addLayer, AMD64, ARM64, tagAs } from '../../support/builder.ts';
import { s3ClientOf } from '../../support/bucket-reader.ts';
import { emptyRepository } from '../../support/content.ts';
import { writeLayout } from '../../support/oci-layout.ts';
import { runProgram } from '../../support/process.ts';
import { bundledJob, emptyBuckets, type Buckets } from '../../support/shared.ts';
import { createIo, runMain, type Ended } from '../support/io.ts';

const HOUR_MS = 3_600_000;

let folder = '';
let store: Buckets;
/** The first digest of latest, which runs in part, and the second. */
const digests: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-drill-'));
  store = await emptyBuckets(2);
  const [bucket = '', empty = ''] = store.buckets;
  await configure('lifeboat.yaml', bucket);
  await configure('empty.yaml', empty);
  const app = emptyRepository();
  for (const name of ['one', 'two']) {
    const images = [AMD64, ARM64].map(async (platform) =>
      addImage(app, { platform, layers: [await addLayer(app, `${name} ${platform.architecture}`)] }),
    );
    const index = addIndex(app, await Promise.all(images));
    tagAs(app, index, 'latest', name);
    digests.push(index.digest);
    await rm(join(folder, 'app'), { recursive: true, force: true });
    await writeLayout(app, join(folder, 'app'));
    for (const file of ['lifeboat.yaml', 'empty.yaml']) {
      if (file === 'empty.yaml' && name === 'two') continue;
      const { code, stderr } = await lifeboat('sync', '-c', file);
      if (code !== 0) throw new Error(`The bucket was not filled:\n${stderr}`);
    }
  }
  await publish('prod', IMAGES);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function configure(file: string, bucket: string): Promise<void> {
  const { endpoint, region, accessKeyId, secretAccessKey } = store;
  await writeFile(
    join(folder, file),
    JSON.stringify({
      store: { endpoint, bucket, region, accessKeyId, secretAccessKey },
      images: [
        { source: 'oci:./app', name: 'docker.io/library/app', tags: ['*'], platforms: ['linux/amd64'] },
      ],
    }),
  );
}

interface Seen {
  readonly reference: string;
  readonly digest?: string | undefined;
  readonly platforms?: readonly string[];
  readonly uses?: readonly object[];
  readonly useCount?: number;
}

const NOW = new Date(Date.now() - 3 * HOUR_MS).toISOString();
const use = (name: string, namespace = 'shop') => ({ namespace, kind: 'Deployment', name, how: 'running' });

/** What the cluster prod runs, of which two images would be lost. */
const IMAGES: readonly Seen[] = [
  { reference: 'docker.io/library/app:one', platforms: ['linux/amd64'], uses: [use('web')] },
  {
    reference: 'docker.io/library/app:one',
    digest: '',
    platforms: ['linux/amd64', 'linux/arm64'],
    uses: [use('arm')],
  },
  { reference: 'docker.io/library/app:latest', digest: '', platforms: ['linux/amd64'], uses: [use('old')] },
  {
    reference: 'quay.io/org/tool:1',
    uses: ['a', 'b', 'c', 'd'].map((name) => use(name)),
    useCount: 9,
  },
];

function listOf(cluster: string, images: readonly Seen[]): string {
  return JSON.stringify({
    version: 1,
    cluster,
    observed: NOW,
    images: images.map(({ digest, uses = [use('web')], ...image }) => ({
      ...image,
      ...(digest !== undefined && { digest: digest === '' ? digests[0] : digest }),
      uses,
      useCount: image.useCount ?? uses.length,
      firstSeen: NOW,
      lastSeen: NOW,
    })),
  });
}

async function publish(cluster: string, images: readonly Seen[] | string): Promise<void> {
  const client = s3ClientOf(store);
  const Body = typeof images === 'string' ? images : listOf(cluster, images);
  const [Bucket] = store.buckets;
  await client.send(new PutObjectCommand({ Bucket, Key: `state/_clusters/${cluster}.json`, Body }));
  client.destroy();
}

function lifeboat(...args: readonly string[]): Promise<Ended> {
  return runMain(args, createIo({ cwd: folder }));
}

/** Runs the command over a list on standard input. */
function drillOf(images: readonly Seen[], ...args: readonly string[]): Promise<Ended> {
  const io = createIo({ cwd: folder, stdin: () => Readable.from([listOf('test', images)]) });
  return runMain(['drill', '-', ...args], io);
}

const short = (digest: string | undefined) => digest?.slice(0, 19) ?? '';

test('the text says the sum, what would be lost and who uses it, and what runs another digest', async () => {
  const { code, stdout, stderr } = await lifeboat('drill');
  expect([code, stderr]).toEqual([0, 'looking at the bucket: 4 of the images in use\n']);
  const shown = stdout.replaceAll(/\(\d{4}-\d\d-\d\d \d\d:\d\dZ\)/g, '(TIME)');
  expect(shown.replaceAll(/just now|1 minute ago/g, 'just now'))
    .toBe(`If docker.io and quay.io died now: 2 of 4 images would still be pulled (50 %).
  docker.io  2 of 3  66 %
  quay.io    0 of 1  0 %
prod was looked at 3 hours ago (TIME).
The job last ended a run just now (TIME).
The edge was not asked (--live asks it).

lost without docker.io
  docker.io/library/app:one (linux/amd64, linux/arm64)
    the bucket lacks the manifest of ${short(digests[0])} for linux/arm64; "platforms" in lifeboat.yaml chooses linux/amd64
    used by Deployment shop/arm

lost without quay.io
  quay.io/org/tool:1
    the bucket has no tag 1
    used by Deployment shop/a, Deployment shop/b, Deployment shop/c and 6 more

pulled, but another digest than runs
  docker.io/library/app:latest (linux/amd64)
    the tag gives ${short(digests[1])}, which is newer than what runs, and ${short(digests[0])} runs; what runs, ${short(digests[0])}, is in the bucket and can be pulled by its digest
    used by Deployment shop/old
`);
});

test('only images of a chosen upstream count, and the headline names it', async () => {
  const { code, stdout } = await lifeboat('drill', '--upstream', 'docker.io', '--require', '66%');
  expect(stdout.split('\n', 1)[0]).toBe('If docker.io died now: 2 of 3 images would still be pulled (66 %).');
  expect([code, stdout.includes('quay.io')]).toEqual([0, false]);
});

test.for([
  ['66.6', 0],
  ['66.7', 3],
  ['67%', 3],
  ['0', 0],
  ['100 %', 3],
] as const)('--require %s of 2 of 3 ends with exit code %i', async ([required, code]) => {
  expect((await lifeboat('drill', '--upstream', 'docker.io', '--require', required)).code).toBe(code);
});

test('where digests alone are asked for, each tag is lost and each digest is judged', async () => {
  const pinned = `docker.io/library/app@${digests[1]}`;
  const { code, stdout } = await drillOf(
    [{ reference: pinned, platforms: ['linux/amd64'] }, { reference: 'docker.io/library/app:latest' }],
    '--digests-only',
    '--json',
  );
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    isByDigestOnly: true,
    sum: { images: 2, pulled: 1, lost: 1, percent: 50 },
    images: [
      { reference: pinned, outcome: 'served' },
      { reference: 'docker.io/library/app:latest', outcome: 'missing' },
    ],
  });
});

test('a name with a tag and a digest is judged by the digest, because nodes ask for it', async () => {
  const stored = `docker.io/library/app:latest@${digests[1]}`;
  const lost = `docker.io/library/app:one@sha256:${'f'.repeat(64)}`;
  const images = [stored, lost].map((reference) => ({ reference, platforms: ['linux/amd64'] }));
  const ended = await Promise.all([drillOf(images, '--json'), drillOf(images, '--json', '--digests-only')]);
  expect(ended.map(({ stdout }) => JSON.parse(stdout))).toMatchObject(
    ended.map(() => ({
      sum: { images: 2, pulled: 1, lost: 1 },
      images: [
        { reference: stored, outcome: 'served' },
        {
          reference: lost,
          outcome: 'missing',
          says: [`the bucket has no manifest sha256:${'f'.repeat(64)}`],
        },
      ],
    })),
  );
});

test('--json has everything', async () => {
  const { stdout } = await lifeboat('drill', '--json');
  expect(JSON.parse(stdout)).toMatchObject({
    mirror: 'default',
    chosen: [],
    lists: [{ cluster: 'prod', observed: NOW }],
    damagedLists: [],
    lastRun: { ended: expect.any(String) },
    sum: {
      images: 4,
      pulled: 2,
      lost: 2,
      percent: 50,
      outcomes: { served: 1, 'other-digest': 1, 'platform-missing': 1, missing: 1, unknown: 0 },
    },
    upstreams: [
      { upstream: 'docker.io', images: 3, pulled: 2 },
      { upstream: 'quay.io', images: 1, pulled: 0 },
    ],
    images: [
      {
        reference: 'docker.io/library/app:latest',
        digest: digests[0],
        platforms: ['linux/amd64'],
        uses: [{ cluster: 'prod', namespace: 'shop', kind: 'Deployment', name: 'old', how: 'running' }],
        useCount: 1,
        outcome: 'other-digest',
        says: expect.any(Array),
        upstream: { running: 'older' },
      },
      { reference: 'docker.io/library/app:one', outcome: 'served' },
      { reference: 'docker.io/library/app:one', digest: digests[0], outcome: 'platform-missing' },
      { reference: 'quay.io/org/tool:1', outcome: 'missing', useCount: 9 },
    ],
  });
});

test('--metrics and --html write whole files, also if too little would be pulled', async () => {
  const args = ['--metrics', 'drill.prom', '--html', 'drill.html', '--require', '100'];
  const { code } = await lifeboat('drill', ...args);
  expect(code).toBe(3);
  const metrics = (await readFile(join(folder, 'drill.prom'), 'utf8')).split('\n');
  expect(metrics.filter((line) => !line.startsWith('#'))).toEqual([
    expect.stringMatching(/^lifeboat_drill_timestamp_seconds\{mirror="default"\} \d+(\.\d+)?$/),
    'lifeboat_drill_success{mirror="default"} 0',
    'lifeboat_drill_complete{mirror="default"} 1',
    'lifeboat_drill_images{mirror="default",upstream="docker.io",outcome="served"} 1',
    'lifeboat_drill_images{mirror="default",upstream="docker.io",outcome="other-digest"} 1',
    'lifeboat_drill_images{mirror="default",upstream="docker.io",outcome="platform-missing"} 1',
    'lifeboat_drill_images{mirror="default",upstream="docker.io",outcome="missing"} 0',
    'lifeboat_drill_images{mirror="default",upstream="docker.io",outcome="unknown"} 0',
    'lifeboat_drill_images{mirror="default",upstream="quay.io",outcome="served"} 0',
    'lifeboat_drill_images{mirror="default",upstream="quay.io",outcome="other-digest"} 0',
    'lifeboat_drill_images{mirror="default",upstream="quay.io",outcome="platform-missing"} 0',
    'lifeboat_drill_images{mirror="default",upstream="quay.io",outcome="missing"} 1',
    'lifeboat_drill_images{mirror="default",upstream="quay.io",outcome="unknown"} 0',
    'lifeboat_drill_pulled_images{mirror="default",upstream="docker.io"} 2',
    'lifeboat_drill_pulled_images{mirror="default",upstream="quay.io"} 0',
    `lifeboat_drill_list_timestamp_seconds{mirror="default",cluster="prod"} ${Date.parse(NOW) / 1000}`,
    '',
  ]);
  const page = await readFile(join(folder, 'drill.html'), 'utf8');
  expect(page).toContain(
    '<h1>If docker.io and quay.io died now: 2 of 4 images would still be pulled (50&nbsp;%).</h1>',
  );
});

test('a page on standard output leaves the text to standard error', async () => {
  const main = await bundledJob();
  // Node cannot open the socket that a program of a test has as its output, and a pipe it can.
  const script = '"$@" | cat';
  const command = [process.execPath, main, 'drill', '--html', '/dev/stdout'];
  const { code, stdout, stderr } = await runProgram('sh', ['-c', script, 'sh', ...command], { cwd: folder });
  expect([code, stdout, stderr]).toEqual([
    0,
    expect.stringMatching(/^<!doctype html>.*<\/html>\n$/s),
    expect.stringContaining('2 of 4 images'),
  ]);
});

test('a drill writes nothing into the bucket', async () => {
  const before = await keysWithTags();
  await lifeboat('drill');
  expect(await keysWithTags()).toEqual(before);
});

async function keysWithTags(): Promise<unknown> {
  const client = s3ClientOf(store);
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: store.bucket }));
  client.destroy();
  return Contents.map(({ Key, ETag, LastModified }) => [Key, ETag, LastModified]);
}

test('a list that is damaged is exit code 1, is named, and the others count', async () => {
  await publish('broken', '{"version": 1, "cluster": "broken", "observed": "yesterday", "images": []}');
  try {
    const all = await lifeboat('drill', '--upstream', 'quay.io');
    expect([all.code, all.stdout]).toEqual([
      1,
      expect.stringContaining(
        `The bucket's object state/_clusters/broken.json cannot be used: "observed" is not a time. The drill leaves broken out. Write the list again: "lifeboat images --cluster broken --publish".`,
      ),
    ]);
    expect(all.stdout).toContain('0 of 1 image would still be pulled');
    expect((await lifeboat('drill', '--cluster', 'prod')).code).toBe(0);
    const alone = await lifeboat('drill', '--cluster', 'broken');
    expect([alone.code, alone.stdout]).toEqual([
      1,
      expect.stringMatching(/^If every upstream died now: it is not known .*state\/_clusters\/broken\.json/s),
    ]);
  } finally {
    await publish('broken', listOf('broken', []));
  }
});

test('an upstream of which nothing is used is said, and nothing can be required of it', async () => {
  const quiet = await lifeboat('drill', '--upstream', 'docker.oi');
  expect([quiet.code, quiet.stdout.split('\n', 1)[0], quiet.stderr]).toEqual([
    0,
    'If docker.oi died now: no image would be lost, because none of the lists has one.',
    expect.stringContaining('no image in use is of docker.oi. The lists have images of docker.io, quay.io.'),
  ]);
  expect((await lifeboat('drill', '--upstream', 'docker.oi', '--require', '1')).code).toBe(1);
});

test('a bucket without a list is exit code 2, with the command that writes one', async () => {
  const { code, stdout, stderr } = await lifeboat('drill', '-c', 'empty.yaml');
  expect([code, stdout, stderr]).toEqual([
    2,
    '',
    'lifeboat: the bucket has no list of what a cluster runs, so there is nothing to compare it with. A list is written by: "lifeboat images -c empty.yaml --cluster NAME --publish". Or name a list as FILE.\n',
  ]);
});

test('a file with a list needs no list in the bucket', async () => {
  await writeFile(join(folder, 'list.json'), listOf('mine', [{ reference: 'docker.io/library/app:one' }]));
  const { code, stdout } = await lifeboat('drill', 'list.json', '-c', 'empty.yaml', '--require', '100');
  expect([code, stdout.split('\n', 1)[0]]).toEqual([
    0,
    'If docker.io died now: 1 of 1 image would still be pulled (100 %).',
  ]);
});

test('the JSON of "lifeboat images" is a list on standard input', async () => {
  await writeFile(join(folder, 'Dockerfile'), 'FROM app:one\nFROM quay.io/org/tool:1\n');
  const images = await lifeboat('images', 'Dockerfile', '--json');
  expect([images.code, images.stderr]).toEqual([0, '']);
  const io = createIo({ cwd: folder, stdin: () => Readable.from([images.stdout]) });
  const { code, stdout } = await runMain(['drill', '-'], io);
  expect([code, stdout.split('\n').slice(0, 4)]).toEqual([
    0,
    [
      'If docker.io and quay.io died now: 1 of 2 images would still be pulled (50 %).',
      '  docker.io  1 of 1  100 %',
      '  quay.io    0 of 1  0 %',
      expect.stringMatching(/^The list was made (just now|1 minute ago) /),
    ],
  ]);
});

test('the pipe of the help names the cluster that "lifeboat images" reads', async () => {
  const { stdout } = await lifeboat('drill', '--help');
  expect(stdout).toMatch(/^ {2}lifeboat images --cluster prod --json \| npx lifeboat drill - --json$/m);
});

test.for<readonly [args: readonly string[], complaint: string]>([
  [['one', 'two'], 'name one list; a registry is named by --upstream and a cluster by --cluster.'],
  [['list.json', '--cluster', 'prod'], 'leave one of the two out'],
  [
    ['absent.json'],
    'absent.json: there is no such file. A list is written by: "lifeboat images --cluster NAME --json > in-use.json".',
  ],
  [['.'], '.: this is a directory.'],
  [[''], 'FILE is empty: name an in-use list.'],
  [
    ['lifeboat.yaml'],
    'lifeboat.yaml is no list of what a cluster runs: its version is not that of this release.',
  ],
  [['pods.json'], 'pods.json has objects of Kubernetes. Make a list of them first: "'],
  [['-'], 'standard input is no list of what a cluster runs: it is not JSON.'],
  [['--cluster', 'Prod'], "--cluster Prod: a cluster's name has lower-case letters"],
  [['--cluster', 'other'], 'the bucket has no list of what other runs.'],
  [['--upstream', 'docker'], '--upstream: "docker" is not a valid name'],
  [['--require', '101'], '--require 101: it has to be a percentage from 0 to 100, such as 95 or 99.5%.'],
  [['--require=-1'], '--require -1: it has to be a percentage'],
  [['--require', 'all'], '--require all: it has to be a percentage'],
  [['--require', ''], '--require has no value: it has to be a percentage'],
  [['--require', '1e1'], '--require 1e1: it has to be a percentage'],
  [['--edge', 'https://a.example.com'], '--edge and --token-file need --live'],
  [
    ['--live'],
    '--live needs the edge: name it by --edge URL, or write "edge: { url: … }" into the configuration.',
  ],
  [['--live', '--edge', 'https://me:hunter2@a.example.com'], '--edge: it must have no user and no password'],
  [
    ['--live', '--edge', 'https://a.example.com', '--token-file', 'absent'],
    '--token-file absent: there is no such file.',
  ],
  [['--html', 'absent/drill.html'], '--html absent/drill.html: it cannot be written (ENOENT).'],
  [['--metrics', ''], '--metrics names no file.'],
  [['--html', 'a', '--metrics', './a'], '--html and --metrics name the same file, a,'],
  [['--json', '--html', '/dev/stdout'], 'only one of --json and --html can go to standard output.'],
  [['--clusters', 'x'], 'there is no option "--clusters". Did you mean "--cluster"?'],
  [['-c', 'absent.yaml'], 'absent.yaml: there is no such file.'],
])('%j is refused with exit code 2', async ([args, complaint]) => {
  await writeFile(join(folder, 'pods.json'), '{"apiVersion":"v1","kind":"List","items":[]}');
  const { code, stdout, stderr } = await lifeboat('drill', ...args);
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(complaint)]);
  expect(stderr).not.toMatch(/hunter2|\n\s+at /);
});

test('names that cannot be printed do not reach the terminal', async () => {
  const hostile = { namespace: 'a\u001B[31m\nb\u202E', kind: 'Pod', name: 'x\r', how: 'running' };
  const { stdout } = await drillOf([{ reference: 'quay.io/a/b:1', uses: [hostile] }]);
  expect(stdout).toContain(String.raw`used by Pod a\u001b[31m\u000ab\u202e/x\u000d`);
  expect(['\u001B', '\r', '\u202E'].filter((one) => stdout.includes(one))).toEqual([]);
});
