/** The job reads no more of an endless object than its kind can have. */
import { createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { LargeObjectError } from '../../../../mirror-job/engine/store/large-object-error.ts';
import { createS3Connection } from '../../../../mirror-job/runtime/node/s3-connection.ts';
import { S3Store } from '../../../../mirror-job/storage/s3/s3-store.ts';
import { close, listen } from '../../../support/http-server.ts';

const CHUNK = Buffer.alloc(64 * 1024);

let seen: string[] = [];
const server = createServer((request, response) => {
  seen.push(request.method ?? '');
  request.resume();
  response.on('error', () => {});
  response.writeHead(200, { etag: '"e"' });
  const send = () => {
    while (!response.destroyed && response.write(CHUNK));
  };
  response.on('drain', send);
  send();
});
let store: S3Store;
let name = '';

beforeAll(async () => {
  const endpoint = `http://127.0.0.1:${await listen(server)}`;
  const credentials = { accessKeyId: 'id', secretAccessKey: 'key' };
  const options = { endpoint, region: 'auto', bucket: 'b', prefix: 'p/', pathStyle: true, credentials };
  store = new S3Store(options, createS3Connection());
  name = `The bucket "b" (prefix "p/") at ${endpoint}`;
});

afterAll(() => close(server));

beforeEach(() => {
  seen = [];
});

const INDEX = 'repositories/a.b/c/_index.json';
const digest = `sha256/${'a'.repeat(64)}`;
const both = `Delete it and ${INDEX}, and run "lifeboat sync".`;

test.each([
  ['lifeboat.json', 65_536, 'Bring its earlier version back: no run makes it anew.'],
  ['state/_stores.json', 65_536, 'Delete it: the next run makes it anew.'],
  ['repositories/a.b/c/_tags/1', 5_657_944, `${both} If the tag was held, hold it again.`],
  ['repositories/a.b/c/_history/1/x.json', 65_536, 'Delete it: only the history of its tag needs it.'],
  [`repositories/a.b/c/_manifests/${digest}`, 4_194_304, both],
  [`repositories/a.b/c/_blobs/${digest}`, 65_536, 'Bring its earlier version back: no run makes it anew.'],
  ['repositories/a.b/c/_tags.json', 16_777_216, both],
])('%s is not read beyond %i bytes, and not asked for again', async (key, limit, nextStep) => {
  const fact = `${name}: could not read ${key}: it has more than ${limit} bytes, which no object of its kind has.`;
  const error: unknown = await store.get(key).catch((thrown: unknown) => thrown);
  expect(error).toEqual(new LargeObjectError(name, key, '"e"'));
  expect(error).toMatchObject({ message: `${fact} ${nextStep}`, fact, etag: '"e"' });
  expect(seen).toEqual(['GET']);
});

test('an index that is too large names the next step', () => {
  expect(new LargeObjectError('B', INDEX, '"e"').message).toBe(
    `B: could not read ${INDEX}: it has more than 134217728 bytes, which no object of its kind has. Delete it: the next run makes it anew from the tags.`,
  );
});

test('an endless answer to a write is not read to its end', async () => {
  expect(await store.put('key', new Uint8Array(3), { contentType: 'text/plain' })).toBe('written');
  expect(seen).toEqual(['PUT']);
});
