/** Tests `lifeboat drill` as people type it: its lists and arguments, and the texts that others have written. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createIo, runMain } from '../support/io.ts';
import { DrilledBucket } from './drilled-bucket.ts';

vi.setConfig({ hookTimeout: 60_000 });

let bucket: DrilledBucket;

beforeAll(async () => {
  bucket = await DrilledBucket.fill();
});

afterAll(async () => bucket?.stop());

test('a list that is damaged is exit code 1, is named, and the others count', async () => {
  await bucket.publish(
    'broken',
    '{"version": 1, "cluster": "broken", "observed": "yesterday", "images": []}',
  );
  try {
    const all = await bucket.lifeboat('drill', '--upstream', 'quay.io');
    expect([all.code, all.stdout]).toEqual([
      1,
      expect.stringContaining(
        `The bucket's object state/_clusters/broken.json cannot be used: "observed" is not a time. The drill leaves broken out. Write the list again: "lifeboat images --cluster broken --publish".`,
      ),
    ]);
    expect(all.stdout).toContain('0 of 1 image would still be pulled');
    expect((await bucket.lifeboat('drill', '--cluster', 'prod')).code).toBe(0);
    const alone = await bucket.lifeboat('drill', '--cluster', 'broken');
    expect([alone.code, alone.stdout]).toEqual([
      1,
      expect.stringMatching(/^If every upstream died now: it is not known .*state\/_clusters\/broken\.json/s),
    ]);
  } finally {
    await bucket.publish('broken', bucket.listOf('broken', []));
  }
});

test('a list that is incomplete is exit code 1, and the drill says what was not read', async () => {
  const list: { readonly observed: string } = JSON.parse(bucket.listOf('part', []));
  await bucket.publish('part', JSON.stringify({ ...list, unread: ['/api/v1/nodes'] }));
  try {
    const { code, stdout } = await bucket.lifeboat('drill', '--cluster', 'part');
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(
        /part was looked at 3 hours ago \(.*\), and not all of it could be read, so it may need more images: \/api\/v1\/nodes\./,
      ),
    ]);
    const data = await bucket.lifeboat('drill', '--cluster', 'part', '--json');
    expect(JSON.parse(data.stdout).lists).toEqual([
      { cluster: 'part', observed: list.observed, unread: ['/api/v1/nodes'] },
    ]);
  } finally {
    await bucket.publish('part', bucket.listOf('part', []));
  }
});

test('an upstream of which nothing is used is said, and nothing can be required of it', async () => {
  const quiet = await bucket.lifeboat('drill', '--upstream', 'docker.oi');
  expect([quiet.code, quiet.stdout.split('\n', 1)[0], quiet.stderr]).toEqual([
    0,
    'If docker.oi died now: no image would be lost, because none of the lists has one.',
    expect.stringContaining('no image in use is of docker.oi. The lists have images of docker.io, quay.io.'),
  ]);
  expect((await bucket.lifeboat('drill', '--upstream', 'docker.oi', '--require', '1')).code).toBe(1);
});

test('a bucket without a list is exit code 2, with the command that writes one', async () => {
  const { code, stdout, stderr } = await bucket.lifeboat('drill', '-c', 'empty.yaml');
  expect([code, stdout, stderr]).toEqual([
    2,
    '',
    'lifeboat: the bucket has no list of what a cluster runs, so there is nothing to compare it with. A list is written by: "lifeboat images -c empty.yaml --cluster NAME --publish". Or name a list as FILE.\n',
  ]);
});

test('a file with a list needs no list in the bucket', async () => {
  await writeFile(
    join(bucket.folder, 'list.json'),
    bucket.listOf('mine', [{ reference: 'docker.io/library/app:one' }]),
  );
  const { code, stdout } = await bucket.lifeboat(
    'drill',
    'list.json',
    '-c',
    'empty.yaml',
    '--require',
    '100',
  );
  expect([code, stdout.split('\n', 1)[0]]).toEqual([
    0,
    'If docker.io died now: 1 of 1 image would still be pulled (100 %).',
  ]);
});

test('the JSON of "lifeboat images" is a list on standard input', async () => {
  await writeFile(join(bucket.folder, 'Dockerfile'), 'FROM app:one\nFROM quay.io/org/tool:1\n');
  const images = await bucket.lifeboat('images', 'Dockerfile', '--json');
  expect([images.code, images.stderr]).toEqual([0, '']);
  const io = createIo({ cwd: bucket.folder, stdin: () => Readable.from([images.stdout]) });
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
  const { stdout } = await bucket.lifeboat('drill', '--help');
  expect(stdout).toMatch(/^ {2}lifeboat images --cluster prod --json \| lifeboat drill - --json$/m);
});

test.for<readonly [args: readonly string[], complaint: string]>([
  [['one', 'two'], 'name one list; a registry is named by --upstream and a cluster by --cluster.'],
  [['list.json', '--cluster', 'prod'], 'leave one of the two out'],
  [
    ['absent.json'],
    'absent.json: there is no such file. A list is written by: "lifeboat images --cluster NAME --json > in-use.json", and from a file that names images by: "lifeboat images FILE --json > in-use.json".',
  ],
  [['.'], '.: this is a directory.'],
  [[''], 'FILE is empty: name an in-use list.'],
  [
    ['lifeboat.yaml'],
    'lifeboat.yaml is no list of what a cluster runs: it has no version. A list is written by: "lifeboat images --cluster NAME --json > in-use.json"',
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
  await writeFile(join(bucket.folder, 'pods.json'), '{"apiVersion":"v1","kind":"List","items":[]}');
  const { code, stdout, stderr } = await bucket.lifeboat('drill', ...args);
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(complaint)]);
  expect(stderr).not.toMatch(/hunter2|\n\s+at /);
});

test('names that cannot be printed do not reach the terminal', async () => {
  const hostile = { namespace: 'a\u001B[31m\nb\u202E', kind: 'Pod', name: 'x\r', how: 'running' };
  const { stdout } = await bucket.drillOf([{ reference: 'quay.io/a/b:1', uses: [hostile] }]);
  expect(stdout).toContain(String.raw`used by Pod a\u001b[31m\u000ab\u202e/x\u000d`);
  expect(['\u001B', '\r', '\u202E'].filter((one) => stdout.includes(one))).toEqual([]);
});
