/** Tests the result of `lifeboat drill` over a bucket that a run has filled: its texts, files and exit codes. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runProgram } from '../../support/process.ts';
import { bundledJob } from '../../support/shared.ts';
import { DrilledBucket, NOW, use } from './drilled-bucket.ts';

vi.setConfig({ hookTimeout: 60_000 });

let bucket: DrilledBucket;

beforeAll(async () => {
  bucket = await DrilledBucket.fill();
});

afterAll(async () => bucket?.stop());

const short = (digest: string | undefined) => digest?.slice(0, 19) ?? '';
const ACCOUNT = { username: 'me', password: '${PASSWORD}' };

test('the text says the sum, what would be lost and who uses it, and what runs another digest', async () => {
  const { code, stdout, stderr } = await bucket.lifeboat('drill');
  expect([code, stderr]).toEqual([0, 'looking at the bucket: 4 of the images in use\n']);
  const shown = stdout.replaceAll(/\(\d{4}-\d\d-\d\d \d\d:\d\dZ\)/g, '(TIME)');
  expect(shown.replaceAll(/just now|1 minute ago/g, 'just now'))
    .toBe(`If docker.io and quay.io died now: 2 of 4 images would still be pulled (50 %).
  docker.io  2 of 3  66 %
  quay.io    0 of 1  0 %
prod was looked at 3 hours ago (TIME).
The job last ended a run just now (TIME). It succeeded.
The edge was not asked (--live asks it).
The bucket is for everybody, so nodes need no token of the edge.
Lists name at most 20 uses of an image: 5 uses of 1 image are counted and not named (1 of these would not be pulled for sure), so the sums by namespace and the workloads are not complete.

by namespace
  shop  2 of 4 images  3 of 5 workloads could not start
  tool  0 of 1 image   2 of 2 workloads could not start

could not start on a node that lacks the image
  Deployment shop/a: quay.io/org/tool:1
  Deployment shop/arm: docker.io/library/app:one
  Deployment shop/b: quay.io/org/tool:1
  Deployment tool/c: quay.io/org/tool:1
  Deployment tool/d: quay.io/org/tool:1

why images are lost
  1  a platform is missing
  1  no entry of lifeboat.yaml selects it

lost without docker.io
  docker.io/library/app:one (linux/amd64, linux/arm64)
    the bucket lacks the manifest of ${short(bucket.digests[0])} for linux/arm64; "platforms" in lifeboat.yaml chooses linux/amd64
    used by Deployment shop/arm

lost without quay.io
  quay.io/org/tool:1
    the bucket has no tag 1; no entry of lifeboat.yaml selects it
    used by Deployment shop/a, Deployment shop/b, Deployment tool/c and 6 more

pulled, but another digest than runs
  docker.io/library/app:latest (linux/amd64)
    the tag gives ${short(bucket.digests[1])}, which is newer than what runs, and ${short(bucket.digests[0])} runs; what runs, ${short(bucket.digests[0])}, is in the bucket and can be pulled by its digest
    used by Deployment shop/old
`);
});

test('only images of a chosen upstream count, and the headline names it', async () => {
  const { code, stdout } = await bucket.lifeboat('drill', '--upstream', 'docker.io', '--require', '66%');
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
  expect((await bucket.lifeboat('drill', '--upstream', 'docker.io', '--require', required)).code).toBe(code);
});

test('where digests alone are asked for, each tag is lost and each digest is judged', async () => {
  const pinned = `docker.io/library/app@${bucket.digests[1]}`;
  const { code, stdout } = await bucket.drillOf(
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
  const stored = `docker.io/library/app:latest@${bucket.digests[1]}`;
  const lost = `docker.io/library/app:one@sha256:${'f'.repeat(64)}`;
  const images = [stored, lost].map((reference) => ({ reference, platforms: ['linux/amd64'] }));
  const ended = await Promise.all([
    bucket.drillOf(images, '--json'),
    bucket.drillOf(images, '--json', '--digests-only'),
  ]);
  expect(ended.map(({ stdout }) => JSON.parse(stdout))).toMatchObject(
    ended.map(() => ({
      sum: { images: 2, pulled: 1, lost: 1 },
      images: [
        { reference: stored, outcome: 'served' },
        {
          reference: lost,
          outcome: 'missing',
          says: [
            `the bucket has no manifest sha256:${'f'.repeat(64)}`,
            expect.stringContaining('it is not known whether one of its tags has had this digest'),
          ],
        },
      ],
    })),
  );
});

test('--json has everything', async () => {
  const { stdout } = await bucket.lifeboat('drill', '--json');
  expect(JSON.parse(stdout)).toMatchObject({
    mirror: 'default',
    chosen: [],
    lists: [{ cluster: 'prod', observed: NOW }],
    damagedLists: [],
    access: { audience: 'public' },
    lastRun: { ended: expect.any(String), isSuccess: true, failed: 0 },
    lossReasons: { platform: 1, 'not-selected': 1 },
    namespaces: [
      { cluster: 'prod', namespace: 'shop', images: 4, lost: 2, workloads: { all: 5, lost: 3, unknown: 0 } },
      { cluster: 'prod', namespace: 'tool', images: 1, lost: 1, workloads: { all: 2, lost: 2, unknown: 0 } },
    ],
    unnamedUses: { uses: 5, images: 1, notPulled: 1 },
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
        digest: bucket.digests[0],
        platforms: ['linux/amd64'],
        uses: [{ cluster: 'prod', namespace: 'shop', kind: 'Deployment', name: 'old', how: 'running' }],
        useCount: 1,
        outcome: 'other-digest',
        says: expect.any(Array),
        upstream: { running: 'older' },
      },
      { reference: 'docker.io/library/app:one', outcome: 'served' },
      { reference: 'docker.io/library/app:one', digest: bucket.digests[0], outcome: 'platform-missing' },
      { reference: 'quay.io/org/tool:1', outcome: 'missing', reason: 'not-selected', useCount: 9 },
    ],
  });
});

test('--metrics and --html write whole files, also if too little would be pulled', async () => {
  const args = ['--metrics', 'drill.prom', '--html', 'drill.html', '--require', '100'];
  const { code } = await bucket.lifeboat('drill', ...args);
  expect(code).toBe(3);
  const metrics = (await readFile(join(bucket.folder, 'drill.prom'), 'utf8')).split('\n');
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
    ...['digests-only', 'platform', 'damaged', 'private', 'failed', 'skipped', 'not-selected']
      .concat('denied', 'edge', 'not-known')
      .map((reason) => {
        const count = reason === 'platform' || reason === 'not-selected' ? 1 : 0;
        return `lifeboat_drill_lost_images{mirror="default",reason="${reason}"} ${count}`;
      }),
    `lifeboat_drill_list_timestamp_seconds{mirror="default",cluster="prod"} ${Date.parse(NOW) / 1000}`,
    ...namespaceLines('shop', { served: 1, 'other-digest': 1, 'platform-missing': 1, missing: 1 }),
    ...namespaceLines('tool', { missing: 1 }),
    'lifeboat_drill_namespace_lost_workloads{mirror="default",cluster="prod",namespace="shop"} 3',
    'lifeboat_drill_namespace_lost_workloads{mirror="default",cluster="prod",namespace="tool"} 2',
    'lifeboat_drill_unnamed_uses{mirror="default"} 5',
    'lifeboat_drill_needs_token{mirror="default"} 0',
    'lifeboat_drill_last_run_success{mirror="default"} 1',
    'lifeboat_drill_last_run_failed_images{mirror="default"} 0',
    '',
  ]);
  const page = await readFile(join(bucket.folder, 'drill.html'), 'utf8');
  expect(page).toContain(
    '<h1>If docker.io and quay.io died now: 2 of 4 images would still be pulled (50&nbsp;%).</h1>',
  );
});

function namespaceLines(namespace: string, counts: Readonly<Record<string, number>>): string[] {
  return ['served', 'other-digest', 'platform-missing', 'missing', 'unknown'].map(
    (outcome) =>
      `lifeboat_drill_namespace_images{mirror="default",cluster="prod",namespace="${namespace}",outcome="${outcome}"} ${counts[outcome] ?? 0}`,
  );
}

test('the reason of a run that failed is that of the lost image, in all forms', async () => {
  const configuration = { name: 'failing', upstreams: { 'quay.io': { credentials: [ACCOUNT] } } };
  await bucket.configure('failing.yaml', bucket.store.bucket, { ...configuration, tags: ['one', 'absent'] });
  expect((await bucket.lifeboat('sync', '-c', 'failing.yaml')).code).toBe(1);
  const images = [
    { reference: 'docker.io/library/app:absent', uses: [use('web')] },
    { reference: 'quay.io/org/tool:1' },
  ];
  const args = ['-c', 'failing.yaml', '--metrics', 'failing.prom', '--html', 'failing.html'];
  const { stdout } = await bucket.drillOf(images, ...args);
  const why = /the bucket has no tag absent; the last run failed to mirror it: .*absent/;
  expect(stdout).toMatch(why);
  expect(stdout).toMatch(/^The job last ended .*\. It did not succeed: 1 image could not be mirrored\.$/m);
  const login = 'quay.io has a login in lifeboat.yaml (1 image).';
  expect(stdout).toContain(login);
  const page = await readFile(join(bucket.folder, 'failing.html'), 'utf8');
  expect(page).toMatch(why);
  expect(page).toContain(login);
  expect(page).toContain('It did not succeed: 1 image could not be mirrored.');
  const metrics = await readFile(join(bucket.folder, 'failing.prom'), 'utf8');
  const lines = [
    'lost_images{mirror="failing",reason="failed"} 1',
    'last_run_success{mirror="failing"} 0',
    'last_run_failed_images{mirror="failing"} 1',
    'login_images{mirror="failing",login="configured",upstream="quay.io"} 1',
  ];
  expect(lines.filter((line) => metrics.includes(`lifeboat_drill_${line}\n`))).toEqual(lines);
  expect(JSON.parse((await bucket.drillOf(images, '-c', 'failing.yaml', '--json')).stdout)).toMatchObject({
    lastRun: { isSuccess: false, failed: 1 },
    lossReasons: { failed: 1, 'not-selected': 1 },
    workloads: [{ namespace: 'shop', name: 'web', state: 'lost' }],
    images: [{ reason: 'failed' }, { reason: 'not-selected', login: 'configured' }],
  });
});

test('a page on standard output leaves the text to standard error', async () => {
  const main = await bundledJob();
  // Node cannot open the socket that a program of a test has as its output, and a pipe it can.
  const script = '"$@" | cat';
  const command = [process.execPath, main, 'drill', '--html', '/dev/stdout'];
  const { code, stdout, stderr } = await runProgram('sh', ['-c', script, 'sh', ...command], {
    cwd: bucket.folder,
  });
  expect([code, stdout, stderr]).toEqual([
    0,
    expect.stringMatching(/^<!doctype html>.*<\/html>\n$/s),
    expect.stringContaining('2 of 4 images'),
  ]);
});

test('a drill writes nothing into the bucket', async () => {
  const before = await bucket.objects();
  await bucket.lifeboat('drill');
  expect(await bucket.objects()).toEqual(before);
});
