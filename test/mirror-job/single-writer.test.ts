/** `singleWriter: true` at a store that answers any condition with 501: the program sends none. */
import { createServer, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { freePort, runProgram } from '../support/process.ts';

// Processes take what the machine lets them have.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = join(import.meta.dirname, '../../mirror-job/main.ts');

let folder = '';
let server: Server;
let port = 0;
/** Written, in order. */
const written: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-single-'));
  port = await freePort();
  // An empty bucket that takes writes and is asked for nothing that it was given.
  server = createServer(({ method, url = '', headers }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://store.test');
    const answer = (status: number, xml: string) => {
      response.writeHead(status, { 'content-type': 'application/xml', etag: '"1"' });
      response.end(xml === '' ? '' : `<?xml version="1.0"?>${xml}`);
    };
    const error = (status: number, code: string) => answer(status, `<Error><Code>${code}</Code></Error>`);
    if (headers['if-match'] !== undefined || headers['if-none-match'] !== undefined) {
      error(501, 'NotImplemented');
    } else if (method === 'PUT') {
      written.push(pathname.replace('/bucket/', ''));
      answer(200, '');
    } else if (searchParams.has('uploads')) {
      answer(
        200,
        '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>',
      );
    } else if (searchParams.has('list-type')) {
      answer(200, '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>');
    } else {
      error(404, 'NoSuchKey');
    }
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
  await rm(folder, { recursive: true, force: true });
});

// The image is not there, which is exit code 1; a store that cannot be used is 2.
test.each([
  [false, 2, []],
  [true, 1, ['lifeboat.json', 'state/default/catalog.json', 'state/default/last-run.json']],
])('singleWriter: %s', async (singleWriter, code, keys) => {
  written.length = 0;
  const file = join(folder, 'lifeboat.yaml');
  const store = {
    endpoint: `http://127.0.0.1:${port}`,
    bucket: 'bucket',
    region: 'auto',
    pathStyle: true,
    accessKeyId: 'id',
    secretAccessKey: 'key',
    singleWriter,
  };
  const images = [{ source: 'oci:absent', name: 'a.b/c', tags: ['one'] }];
  await writeFile(file, JSON.stringify({ store, images }));
  const finished = await runProgram(process.execPath, [MAIN, 'sync', '-c', file]);
  // What a run leaves at its end is written at once, in whatever order.
  expect([finished.code, written.toSorted()]).toEqual([code, keys]);
});
