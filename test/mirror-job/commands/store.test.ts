/**
 * Tests a store that is missing, not Lifeboat's, or not this mirror's: the exit code is 2, the message names the line,
 * and nothing is written.
 */
import { createServer, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort, runProgram } from '../../support/process.ts';
import { bundledJob, emptyBuckets } from '../../support/shared.ts';

// The limits are wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = await bundledJob();
const store = await emptyBuckets(4);
const [OTHERS = '', TOKEN = '', VERSION_99 = '', NO_JSON = ''] = store.buckets;
const WRONG = 'hunter2-hunter2';
/** The content of each bucket. */
const CONTENT = {
  [OTHERS]: ['photos/cat.jpg', 'meow'],
  [TOKEN]: ['lifeboat.json', JSON.stringify({ version: 1, id: 'x', audience: 'token' })],
  [VERSION_99]: ['lifeboat.json', JSON.stringify({ version: 99, id: 'x', audience: 'public' })],
  [NO_JSON]: ['lifeboat.json', 'not JSON'],
} as const;

let folder = '';
let client: S3Client;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-store-'));
  client = new S3Client({
    endpoint: store.endpoint,
    region: store.region,
    credentials: store,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  for (const [Bucket, [Key, Body]] of Object.entries(CONTENT)) {
    await client.send(new PutObjectCommand({ Bucket, Key, Body }));
  }
});

afterAll(async () => {
  client?.destroy();
  await rm(folder, { recursive: true, force: true });
});

/** @returns the sentence without the file, the line and the name of the bucket, which this function checks */
async function refusal(settings: Record<string, string>): Promise<string> {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = store;
  const all = { endpoint, bucket, region, accessKeyId, secretAccessKey, ...settings };
  const file = join(folder, 'lifeboat.yaml');
  const text = `# line 1\nstore: ${JSON.stringify(all)}\nimages: [{ source: "oci:absent", name: a.b/c, tags: ["*"] }]\n`;
  await writeFile(file, text);
  const { code, stdout, stderr } = await runProgram(process.execPath, [MAIN, 'sync', '-c', file, '--json']);
  expect([code, stdout]).toEqual([2, '']);
  const start = `lifeboat: the configuration cannot be used.\n${file}:2: store: The bucket "${all.bucket}" at ${all.endpoint}`;
  expect(stderr.slice(0, start.length)).toBe(start);
  expect(stderr).not.toContain(WRONG);
  return stderr.slice(start.length);
}

test.each([
  [
    'that does not exist',
    { bucket: 'absent' },
    ': could not read lifeboat.json: there is no such bucket. Create it, or correct store.bucket.\n',
  ],
  [
    'that holds other things',
    { bucket: OTHERS },
    ' holds other things ("photos/cat.jpg") and no lifeboat.json, so it is not Lifeboat\'s. Use an empty bucket, or set store.prefix to an empty folder of this one.\n',
  ],
  [
    'for another audience',
    { bucket: TOKEN },
    ' is for the audience "token", and the configuration says "public". One bucket has one audience: set store.audience to "token", or use another bucket.\n',
  ],
  [
    'of another layout',
    { bucket: VERSION_99 },
    ": The bucket's object lifeboat.json cannot be used: its layout is version 99, and this Lifeboat reads version 1. Use the release that wrote it, or an empty bucket.\n",
  ],
  [
    'with a wrong secret',
    { secretAccessKey: WRONG },
    ': could not read lifeboat.json: the keys are not accepted (SignatureDoesNotMatch). Check store.accessKeyId, store.secretAccessKey and store.region.\n',
  ],
])('a bucket %s is refused with exit code 2 and its line', async (_, settings, message) => {
  expect(await refusal(settings)).toBe(message);
});

test('a bucket whose lifeboat.json is not JSON is refused with exit code 2 and its line', async () => {
  expect(await refusal({ bucket: NO_JSON })).toMatch(
    /^: The bucket's object lifeboat\.json cannot be used: .*\.\n$/,
  );
});

test('an endpoint where nobody listens is refused with exit code 2 and its line', async () => {
  expect(await refusal({ endpoint: `http://127.0.0.1:${await freePort()}` })).toBe(
    ': could not read lifeboat.json: it does not answer (ECONNREFUSED). Check store.endpoint.\n',
  );
});

describe('an answer that only other providers give', () => {
  let server: Server;
  let port = 0;
  let answer = { status: 500, code: '', more: '' };

  beforeAll(async () => {
    port = await freePort();
    server = createServer((_, response) => {
      // The answer of AWS has this header, if the bucket is in another region.
      const region = answer.status === 301 ? { 'x-amz-bucket-region': 'eu-west-1' } : {};
      response.writeHead(answer.status, { 'content-type': 'application/xml', ...region });
      response.end(`<?xml version="1.0"?><Error><Code>${answer.code}</Code>${answer.more}</Error>`);
    });
    await new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
  });

  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });

  test.each([
    [
      403,
      'InvalidAccessKeyId',
      '<Message>no</Message>',
      'the keys are not accepted (InvalidAccessKeyId). Check store.accessKeyId, store.secretAccessKey and store.region.',
    ],
    [
      403,
      'AccessDenied',
      '',
      "access is denied (AccessDenied). The job's key has to read, list and write this bucket.",
    ],
    [400, 'InvalidBucketName', '', 'this is not a name that a bucket can have. Correct store.bucket.'],
    [
      400,
      'AuthorizationHeaderMalformed',
      "<Message>The region 'auto' is wrong; expecting 'eu-central-1'</Message><Region>eu-central-1</Region>",
      'the bucket is in the region eu-central-1 (AuthorizationHeaderMalformed). Correct store.region.',
    ],
    [
      400,
      'AuthorizationHeaderMalformed',
      '<Message>a non-empty Access Key (AKID) must be provided in the credential.</Message>',
      'the keys are not accepted (AuthorizationHeaderMalformed). Check store.region and store.accessKeyId.',
    ],
    [
      301,
      'PermanentRedirect',
      '',
      'the bucket is in the region eu-west-1 (PermanentRedirect). Correct store.region.',
    ],
    [
      307,
      'PermanentRedirect',
      '',
      'the bucket is in another place (PermanentRedirect). Check store.region and store.endpoint.',
    ],
    [501, 'NotImplemented', '', '501 NotImplemented.'],
  ])('%i %s is refused with exit code 2 and the line of the store', async (status, code, more, message) => {
    answer = { status, code, more };
    expect(await refusal({ endpoint: `http://127.0.0.1:${port}` })).toBe(
      `: could not read lifeboat.json: ${message}\n`,
    );
  });
});

test('none of the refused buckets was changed', async () => {
  const keys = await Promise.all(
    Object.keys(CONTENT).map(async (Bucket) => {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
      return Contents.map(({ Key }) => Key);
    }),
  );
  expect(keys).toEqual([['photos/cat.jpg'], ['lifeboat.json'], ['lifeboat.json'], ['lifeboat.json']]);
});
