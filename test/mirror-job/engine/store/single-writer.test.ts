/**
 * A store answers every condition with an error. Without `singleWriter: true` the program says that it needs this
 * setting; with it, the program sends no condition.
 */
import { createServer, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { freePort, runProgram } from '../../../support/process.ts';
import { bundledJob } from '../../../support/shared.ts';

// Processes are slow on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = await bundledJob();

let folder = '';
let server: Server;
let port = 0;
/** The keys that were written, in order. */
const written: string[] = [];
/** The store's answer to a condition. */
let refusal = { status: 501, code: 'NotImplemented' };
/** Whether the bucket was used before, without conditions. */
let isUsed = false;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-single-'));
  port = await freePort();
  // The bucket accepts writes and stays empty for reads.
  server = createServer(({ method, url = '', headers }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://store.test');
    const answer = (status: number, xml: string) => {
      response.writeHead(status, { 'content-type': 'application/xml', etag: '"1"' });
      response.end(xml === '' ? '' : `<?xml version="1.0"?>${xml}`);
    };
    const error = (status: number, code: string) => answer(status, `<Error><Code>${code}</Code></Error>`);
    if (headers['if-match'] !== undefined || headers['if-none-match'] !== undefined) {
      error(refusal.status, refusal.code);
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
    } else if (isUsed && pathname === '/bucket/lifeboat.json') {
      response.writeHead(200, { etag: '"1"' }).end('{"version":1,"id":"an-id","audience":"public"}');
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

async function sync(singleWriter: boolean) {
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
  return { file, ...(await runProgram(process.execPath, [MAIN, 'sync', '-c', file])) };
}

test.each([
  ['a new bucket, as Backblaze B2 answers', false, { status: 501, code: 'NotImplemented' }],
  ['a bucket that was used before', true, { status: 501, code: 'NotImplemented' }],
  ['a new bucket, as Aliyun answers', false, { status: 400, code: 'NotImplemented' }],
  ['a bucket that was used before, as Aliyun answers', true, { status: 400, code: 'NotImplemented' }],
])(
  'without singleWriter the job ends with exit code 2, and says what to set: %s',
  async (_, used, answer) => {
    isUsed = used;
    refusal = answer;
    const { file, code, stderr } = await sync(false);
    expect(stderr).toBe(
      `lifeboat: the configuration cannot be used.\n${file}:1: store: The bucket "bucket" at http://127.0.0.1:${port} refuses conditional writes (${answer.status} ${answer.code}), so two runs at once could undo each other's tags. If you make sure that runs never overlap, set store.singleWriter: true.\n`,
    );
    expect([code, written]).toEqual([2, []]);
  },
);

test.each([false, true])('with singleWriter no condition is sent (bucket used before: %s)', async (used) => {
  isUsed = used;
  const { code } = await sync(true);
  // The exit code is 1 because the image does not exist. The keys are sorted, because a run writes its last objects at
  // the same time, in any order.
  const atEnd = ['catalog', 'last-run', 'overview', 'runs'].map((name) => `state/default/${name}.json`);
  expect([code, written.toSorted()]).toEqual([1, used ? atEnd : ['lifeboat.json', ...atEnd]]);
});
