/**
 * Tests the edge as it is deployed, in workerd, where each request has a context of its own, which the runtime guards.
 * The plugin that runs the tests of worker/ turns off the flag by which requests wait for each other
 * (docs/decisions/0101).
 */
import { build } from 'esbuild';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, get, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startEdgeWorker, type RunningWorker, type Runtime } from '../../bench/edge/workerd.ts';
import { close, listen } from '../support/http-server.ts';
import { pause } from '../support/process.ts';

const LIST = '{"name":"x","tags":["1"]}';
const pathOf = (name: string) => `/v2/quay.io/a/${name}/tags/list`;
const keyOf = (name: string) => `/bucket/repositories/quay.io/a/${name}/_tags.json`;

const PROJECT = join(import.meta.dirname, '../..');

let folder = '';
let server: Server;
let edge: RunningWorker | undefined;
/** The paths of all reads. */
const reads: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-edge-'));
  // esbuild does the same as wrangler, in a tenth of the time.
  await build({
    entryPoints: [join(PROJECT, 'worker/index.ts')],
    outfile: join(folder, 'index.js'),
    bundle: true,
    format: 'esm',
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'silent',
  });
  const deployed = await readFile(join(PROJECT, 'wrangler.deploy.example.toml'), 'utf8');
  const [, compatibilityDate = ''] = /^compatibility_date = "(.+)"$/m.exec(deployed) ?? [];
  const runtime: Runtime = { compatibilityDate, compatibilityFlags: [] };
  server = createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    reads.push(path);
    const isIdentity = path === '/bucket/lifeboat.json';
    const body = isIdentity ? '{"version":1,"id":"x","audience":"public"}' : LIST;
    // The answer is so slow that all requests meet.
    setTimeout(() => response.writeHead(200, { 'content-length': body.length }).end(body), 300);
  });
  const endpoint = `http://127.0.0.1:${await listen(server)}`;
  edge = await startEdgeWorker(join(folder, 'edge'), join(folder, 'index.js'), runtime, {
    S3_ENDPOINT: endpoint,
    S3_BUCKET: 'bucket',
    S3_ACCESS_KEY_ID: 'key',
    S3_SECRET_ACCESS_KEY: 'secret',
  });
}, 60_000);

afterAll(async () => {
  await edge?.stop();
  await close(server);
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => {
  reads.length = 0;
});

async function list(name: string): Promise<[number, string]> {
  const response = await fetch(`${edge?.url}${pathOf(name)}`);
  return [response.status, JSON.stringify(await response.json())];
}

/** Returns the expected answers to several clients that request one list. */
const answersOf = (name: string, count: number) =>
  Array.from({ length: count }, () => [200, `{"name":"quay.io/a/${name}","tags":["1"]}`]);

it('60 requests at once share one read of the store', async () => {
  const answers = await Promise.all(Array.from({ length: 60 }, () => list('joined')));
  expect(answers).toEqual(answersOf('joined', 60));
  expect(reads).toEqual([keyOf('joined')]);
});

it('the other clients get their answers when the client whose request reads the store leaves', async () => {
  const first = get(`${edge?.url}${pathOf('left')}`, { agent: false });
  first.on('error', () => {});
  while (reads.length === 0) await pause(5);
  const others = Promise.all(Array.from({ length: 5 }, () => list('left')));
  await pause(50);
  // workerd notices a reset at once, but a closed connection only when it answers.
  if (first.socket === null) throw new Error('The client has no connection to reset.');
  first.socket.resetAndDestroy();
  expect(await others).toEqual(answersOf('left', 5));
  expect(reads).toEqual([keyOf('left')]);
});

it.each(['[', 'a b', 'a:port', '%'])('a Host header that is not a host gets a 400: %s', async (host) => {
  const answer = await raw(`GET /v2/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toContain(
    '{"errors":[{"code":"NAME_INVALID","message":"The Host header is not the name of a host."}]}',
  );
});

async function raw(request: string): Promise<string> {
  const { hostname, port } = new URL(edge?.url ?? '');
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(request));
    socket.setEncoding('utf8');
    socket.on('data', (data: string) => (answer += data));
    socket.once('error', reject);
    socket.once('end', () => resolve(answer));
  });
}
