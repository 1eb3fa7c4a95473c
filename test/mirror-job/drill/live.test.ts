/** `lifeboat drill --live` over a real edge in workerd, and over proxies in front of it that are wrong in one way. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { BucketReader, s3ClientOf } from '../../support/bucket-reader.ts';
import type { Edge } from '../../support/edge.ts';
import type { FaultyProxy } from '../doctor/faulty-proxy.ts';
import { IMAGE, Scene, TOKEN, TOKEN_VARIABLES } from '../doctor/scene.ts';
import { createIo, runMain, type Ended } from '../support/io.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const [PUBLIC, PRIVATE] = [0, 1];
const NOW = '2026-06-01T12:00:00.000Z';

let scene: Scene;
let edge: Edge;
let proxy: FaultyProxy;
let file = '';
let digest = '';
/** The requests that the edge got. */
let asked: string[] = [];

beforeAll(async () => {
  scene = await Scene.start('public', 'token');
  edge = await scene.edge();
  proxy = await scene.inFrontOf(edge);
  file = await scene.writeConfiguration('drill', PUBLIC, {}, undefined, { edge: { url: proxy.url } });
  const client = s3ClientOf(scene.buckets);
  const reader = new BucketReader({ client, bucket: scene.buckets.buckets[PUBLIC] ?? '' });
  const tag: unknown = JSON.parse(
    (await reader.read('repositories/docker.io/library/app/_tags/1'))?.bytes.toString() ?? '',
  );
  digest = typeof tag === 'object' && tag !== null && 'digest' in tag ? String(tag.digest) : '';
  client.destroy();
});

beforeEach(() => {
  asked = [];
  proxy.fault = { before: ({ method, path }) => void asked.push(`${method} ${path}`) };
});

afterAll(async () => scene?.stop());

async function drill(
  references: readonly string[],
  ...args: readonly string[]
): Promise<Ended & { readonly printed: unknown }> {
  const list = join(scene.folder, 'list.json');
  const images = references.map((reference) => ({
    reference,
    digest,
    platforms: ['linux/arm64'],
    uses: [],
    useCount: 0,
    firstSeen: NOW,
    lastSeen: NOW,
  }));
  await writeFile(list, JSON.stringify({ version: 1, cluster: 'test', observed: NOW, images }));
  const ended = await runMain(
    ['drill', list, '-c', file, '--live', '--json', ...args],
    createIo({ cwd: scene.folder }),
  );
  const printed: unknown = ended.stdout === '' ? undefined : JSON.parse(ended.stdout);
  return { ...ended, printed };
}

const missing = 'docker.io/library/absent:1';

test('images that bucket and edge have are pulled as containerd does, and a missing one is missing at both', async () => {
  const { code, printed } = await drill([IMAGE, `docker.io/library/app@${digest}`, missing]);
  expect(printed).toMatchObject({
    edge: proxy.url,
    sum: { pulled: 2, lost: 1 },
    images: [
      {
        reference: missing,
        outcome: 'missing',
        says: [
          'the bucket has no tag 1',
          expect.any(String),
          'no entry of lifeboat.yaml selects it',
          expect.stringMatching(/^the edge answered HEAD .* with 404$/),
        ],
      },
      { outcome: 'served', says: [] },
      { reference: IMAGE, outcome: 'served', says: [] },
    ],
  });
  expect(JSON.stringify(printed)).not.toContain('disagreement');
  expect(code).toBe(0);
  const name = '/v2/docker.io/library/app';
  const requests = asked
    .filter((one) => one.includes(name))
    .map((one) => one.replaceAll(/sha256:[0-9a-f]{64}/g, 'DIGEST'));
  expect(new Set(requests)).toEqual(
    new Set([
      `HEAD ${name}/manifests/1?ns=docker.io`,
      `HEAD ${name}/manifests/DIGEST?ns=docker.io`,
      `GET ${name}/manifests/DIGEST?ns=docker.io`,
      `GET ${name}/blobs/DIGEST`,
    ]),
  );
  expect(requests).toHaveLength(10);
});

test('an edge without a store that answers lets the bucket be reported, with exit code 1', async () => {
  const other = await scene.edge({ S3_PREFIX: 'elsewhere' });
  const { code, printed, stderr } = await drill([IMAGE], '--edge', other.url, '--require', '100');
  const failure = `${other.url} got 503 UNAVAILABLE for /v2/. "lifeboat doctor -c ${file} ${other.url}" tells why.`;
  expect(printed).toMatchObject({ edgeFailure: failure, ...UNKNOWN });
  expect([code, stderr]).toEqual([1, expect.stringContaining(`failed ${failure}`)]);
});

/** The drill's result from the bucket alone, while the edge cannot be asked. */
const UNKNOWN = {
  sum: { pulled: 0, lost: 0, outcomes: { unknown: 1 } },
  images: [{ outcome: 'unknown', byBucket: 'served', says: ['the edge could not be asked for any image'] }],
};

test.for<readonly [name: string, fault: FaultyProxy['fault'], outcome: string, says: RegExp, code: number]>([
  [
    'does not know the tag',
    { instead: ({ path }) => (path.includes('/manifests/1') ? answer(404) : undefined) },
    'missing',
    /^the bucket has it, and the edge answered HEAD .* with 404$/,
    3,
  ],
  [
    'does not know digests',
    { instead: ({ path }) => (path.includes('/manifests/sha256') ? answer(404) : undefined) },
    'missing',
    /^the bucket has it, and the edge answered GET .* with 404$/,
    3,
  ],
  [
    'gives other bytes',
    {
      after: (answered, { method, path }) => {
        if (method === 'GET' && path.includes('/manifests/sha256'))
          Object.assign(answered, { body: Buffer.from('{"schemaVersion":2,"manifests":[]}'), headers: {} });
      },
    },
    'missing',
    /^the bucket has it, and the edge answered GET .* with other bytes$/,
    3,
  ],
  [
    'refuses blobs',
    { instead: ({ path }) => (path.includes('/blobs/') ? answer(403) : undefined) },
    'missing',
    /^the bucket has it, and the edge answered GET .*\/blobs\/.* with 403$/,
    3,
  ],
  [
    'is overloaded',
    { instead: ({ path }) => (path.includes('/manifests/') ? answer(503) : undefined) },
    'unknown',
    /^the edge answered HEAD .* with 503$/,
    1,
  ],
  [
    'sends clients where nothing listens',
    {
      after: (answered) => {
        if (answered.headers['location'] !== undefined)
          answered.headers['location'] = 'http://127.0.0.1:1/blob?secret';
      },
    },
    'unknown',
    /^the edge gave no answer to GET of a blob at 127\.0\.0\.1:1: nothing listens there/,
    1,
  ],
])('an edge that %s', async ([, fault, outcome, says, code]) => {
  proxy.fault = fault;
  const ended = await drill([IMAGE], '--require', '100');
  expect(ended.printed).toMatchObject({ images: [{ outcome }] });
  expect([ended.code, sentencesOf(ended.printed).filter((one) => says.test(one)).length]).toEqual([code, 1]);
  expect(ended.stdout).not.toContain('secret');
});

function answer(status: number) {
  return { status, headers: {}, body: Buffer.from('') };
}

/** The reasons and contradictions of all images. */
function sentencesOf(printed: unknown): string[] {
  const { images }: { images: { says: string[]; disagreement?: string }[] } = JSON.parse(
    JSON.stringify(printed),
  );
  return images.flatMap(({ says, disagreement }) => (disagreement === undefined ? says : [disagreement]));
}

test('an edge that has what the bucket lacks is named, and the image does not count', async () => {
  proxy.fault = { before: (one) => void Object.assign(one, { path: one.path.replace('/absent/', '/app/') }) };
  const { printed } = await drill([missing]);
  expect(printed).toMatchObject({
    images: [{ outcome: 'missing', disagreement: 'the edge gives it, and the bucket would not' }],
  });
});

test('an edge that asks for a token gets the one of the file, and without it the bucket is reported', async () => {
  const closed = await scene.edge(TOKEN_VARIABLES, PRIVATE);
  const token = join(scene.folder, 'token');
  await writeFile(token, TOKEN);
  const own = await scene.writeConfiguration('private', PRIVATE, { audience: 'token' }, undefined, {
    edge: { url: closed.url, tokenFile: './token' },
  });
  const bare = await scene.writeConfiguration('bare', PRIVATE, { audience: 'token' });
  const served = { images: [{ outcome: 'served' }], access: { hasToken: true } };
  expect((await drill([IMAGE], '-c', own)).printed).toMatchObject(served);
  expect(
    (await drill([IMAGE], '-c', bare, '--edge', closed.url, '--token-file', token)).printed,
  ).toMatchObject(served);
  const without = await drill([IMAGE], '-c', bare, '--edge', closed.url);
  const failure = `${closed.url} got 403 DENIED for /v2/. Give the token of the edge with --token-file.`;
  expect(without.printed).toMatchObject({
    edgeFailure: failure,
    access: { audience: 'token', hasToken: false },
    ...UNKNOWN,
  });
  expect([without.code, without.stderr]).toEqual([1, expect.stringContaining(`failed ${failure}`)]);
});

test('a token that may not read an image is said, because nodes may have another one', async () => {
  const narrow = TOKEN_VARIABLES.TOKENS.replace('docker.io/**', 'quay.io/**');
  const closed = await scene.edge({ ...TOKEN_VARIABLES, TOKENS: narrow }, PRIVATE);
  const token = join(scene.folder, 'narrow');
  await writeFile(token, TOKEN);
  const own = await scene.writeConfiguration('narrow', PRIVATE, { audience: 'token' });
  const { printed } = await drill([IMAGE], '-c', own, '--edge', closed.url, '--token-file', token);
  expect(printed).toMatchObject({
    lossReasons: { denied: 1 },
    images: [{ outcome: 'missing', reason: 'denied', byBucket: 'served' }],
  });
  expect(sentencesOf(printed)).toEqual([
    expect.stringMatching(
      /the edge answered HEAD .* with 403.*: the drill's token may not read it, and whether the nodes may read it is not known$/,
    ),
  ]);
});

test('an edge that does not answer leaves a report of the bucket, with its failure at the top', async () => {
  const { code, printed, stderr } = await drill([IMAGE, missing], '--edge', 'http://127.0.0.1:1');
  const failure =
    'http://127.0.0.1:1: nothing listens there (ECONNREFUSED). Check the port, and whether the edge runs.';
  expect([code, stderr]).toEqual([1, expect.stringContaining(`failed ${failure}\n`)]);
  expect(printed).toMatchObject({
    edgeFailure: failure,
    sum: { pulled: 0, lost: 1, outcomes: { unknown: 1, missing: 1 } },
  });
  const list = join(scene.folder, 'list.json');
  const args = ['drill', list, '-c', file, '--live', '--edge', 'http://127.0.0.1:1'];
  const files = ['--html', 'dead.html', '--metrics', 'dead.prom', '--require', '50'];
  const ended = await runMain([...args, ...files], createIo({ cwd: scene.folder }));
  expect(ended.code).toBe(1);
  expect(ended.stdout.split('\n').slice(0, 3)).toEqual([
    'If docker.io died now: 1 of 2 images would be lost, and whether the other one would be pulled is not known, because the edge could not be asked.',
    `The edge could not be asked: ${failure}`,
    'By the bucket alone, 1 of 2 images would be pulled. The rest of this report is about the bucket.',
  ]);
  const page = await readFile(join(scene.folder, 'dead.html'), 'utf8');
  expect(page).toContain(`<p class="alarm">The edge could not be asked: ${failure}</p>`);
  const metrics = await readFile(join(scene.folder, 'dead.prom'), 'utf8');
  const lines = [
    'edge_asked{mirror="default"} 0',
    'complete{mirror="default"} 0',
    'success{mirror="default"} 0',
  ];
  expect(lines.filter((line) => metrics.includes(`lifeboat_drill_${line}\n`))).toEqual(lines);
});
