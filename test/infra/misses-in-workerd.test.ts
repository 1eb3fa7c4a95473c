/** Tests the queue of misses as it is deployed: edges in workerd, a queue of their own, and a Worker that consumes it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createTestHarness } from 'wrangler';
import { digestOf } from '../../core/digest.ts';
import { OCI_MANIFEST } from '../../core/media-type.ts';
import { encodeTag } from '../../core/tag-object.ts';
import { close, listen } from '../support/http-server.ts';
import { pause } from '../support/process.ts';

// The limits are wide, because wrangler builds four Workers first.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

// Miniflare asks a host of Cloudflare's for `request.cf`, and prints a stack trace if there is no network.
process.env['CLOUDFLARE_CF_FETCH_ENABLED'] = 'false';
process.env['WRANGLER_WRITE_LOGS'] = 'false';

const PROJECT = join(import.meta.dirname, '../..');
const NONE = `sha256:${'ab'.repeat(32)}`;
const SECRET_HASH = '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b';

const CONSUMER = `
export default {
  fetch: () => new Response('consumer'),
  async queue(batch, env) {
    await fetch(env.COLLECTOR, { method: 'POST', body: JSON.stringify(batch.messages.map(({ body }) => body)) });
  },
};
`;

let folder = '';
let server: Server;
let harness: ReturnType<typeof createTestHarness>;
/** The bodies of all messages, as the consumer got them. */
const messages: unknown[] = [];
/** The keys of all reads of the store. */
const reads: string[] = [];
const objects = new Map<string, Buffer>();

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

/** Writes a Worker's configuration. Each edge reads a bucket of its own, because an image may be missing from one alone. */
async function writeWorker(name: string, main: string, lines: readonly string[]): Promise<string> {
  const file = join(folder, name, 'wrangler.toml');
  await mkdir(join(folder, name));
  await writeFile(
    file,
    [`name = "${name}"`, `main = "${main}"`, 'compatibility_date = "2026-10-01"', ...lines].join('\n'),
  );
  return file;
}

function writeEdge(name: string, endpoint: string, variables: Readonly<Record<string, string>>) {
  const all = { S3_ENDPOINT: endpoint, S3_BUCKET: name, S3_ACCESS_KEY_ID: 'key', ...variables };
  return writeWorker(name, join(PROJECT, 'worker/index.ts'), [
    '[[queues.producers]]',
    'binding = "MISSES"',
    'queue = "misses"',
    '[vars]',
    'S3_SECRET_ACCESS_KEY = "secret"',
    ...Object.entries(all).map(([key, value]) => `${key} = "${value}"`),
  ]);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-misses-'));
  for (const [bucket, audience] of [
    ['open', 'public'],
    ['closed', 'token'],
    ['digests', 'public'],
  ] as const) {
    objects.set(
      `/${bucket}/lifeboat.json`,
      Buffer.from(JSON.stringify({ version: 1, id: bucket, audience })),
    );
  }
  const bytes = new Uint8Array(
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: NONE, size: 2 },
        layers: [],
      }),
    ),
  );
  const digest = await digestOf(bytes);
  const moved = '2026-01-01T00:00:00.000Z';
  objects.set(
    '/open/repositories/docker.io/library/app/_tags/1',
    Buffer.from(encodeTag({ mediaType: OCI_MANIFEST, digest, bytes, moved, run: 'test' })),
  );
  server = createServer((request, response) => {
    void (async () => {
      const path = decodeURIComponent((request.url ?? '').split('?', 1)[0] ?? '');
      if (request.method === 'POST') {
        messages.push(...JSON.parse(await bodyOf(request)));
        response.end();
        return;
      }
      reads.push(path);
      const object = objects.get(path);
      if (object === undefined) response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
      else response.writeHead(200, { 'content-length': object.length }).end(object);
    })();
  });
  const endpoint = `http://127.0.0.1:${await listen(server)}`;
  await writeFile(join(folder, 'consumer.js'), CONSUMER);
  const files = await Promise.all([
    writeEdge('open', endpoint, { HOSTS: 'quay.example.com=quay.io' }),
    writeEdge('closed', endpoint, { AUDIENCE: 'token', TOKENS: `ci ${SECRET_HASH} **` }),
    writeEdge('digests', endpoint, { TAGS: 'off' }),
    writeWorker('consumer', join(folder, 'consumer.js'), [
      '[[queues.consumers]]',
      'queue = "misses"',
      'max_batch_timeout = 0',
      '[vars]',
      `COLLECTOR = "${endpoint}/collector"`,
    ]),
  ]);
  harness = createTestHarness({ root: folder, workers: files.map((configPath) => ({ configPath })) });
  await harness.listen();
});

afterAll(async () => {
  await harness?.close();
  if (server !== undefined) await close(server);
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => {
  messages.length = 0;
  reads.length = 0;
});

/** @returns the status of the answer */
async function ask(
  edge: string,
  url: string,
  init: { readonly method?: string; readonly headers?: Record<string, string> } = {},
): Promise<number> {
  const address = new URL(url, 'http://mirror.example.com').href;
  const response = await harness.getWorker(edge).fetch(address, init);
  await response.arrayBuffer();
  return response.status;
}

/** Asks for an image that nobody asked for before, and waits for its message. All earlier ones have come by then. */
async function takeMessages(): Promise<unknown[]> {
  const last = `last/${crypto.randomUUID()}`;
  await ask('open', `/v2/last.test/${last}/manifests/1`);
  const isLast = (message: unknown) => JSON.stringify(message) === `{"reference":"last.test/${last}:1"}`;
  for (let turn = 0; turn < 400 && !messages.some(isLast); turn += 1) await pause(50);
  expect(messages.some(isLast)).toBe(true);
  return messages.splice(0).filter((message) => !isLast(message));
}

test.each([
  ['GET', '/v2/library/nginx/manifests/1.27', 'docker.io/library/nginx:1.27'],
  ['HEAD', '/v2/library/nginx/manifests/1.28', 'docker.io/library/nginx:1.28'],
  ['GET', `/v2/library/nginx/manifests/${NONE}`, `docker.io/library/nginx@${NONE}`],
  ['HEAD', '/v2/kube/pause/manifests/3.10?ns=registry.k8s.io', 'registry.k8s.io/kube/pause:3.10'],
  ['GET', 'http://quay.example.com/v2/a/b/manifests/1', 'quay.io/a/b:1'],
])('%s %s puts %s into the queue, after one read of the store', async (method, url, reference) => {
  await ask('open', '/v2/');
  reads.length = 0;
  expect(await ask('open', url, { method })).toBe(404);
  expect(reads.length).toBe(1);
  expect(await takeMessages()).toEqual([{ reference }]);
});

test('an image that is missed many times is one message', async () => {
  const statuses = await Promise.all(
    Array.from({ length: 200 }, () => ask('open', '/v2/library/redis/manifests/7')),
  );
  expect(new Set(statuses)).toEqual(new Set([404]));
  for (let turn = 0; turn < 20; turn += 1) await ask('open', '/v2/library/redis/manifests/7');
  expect(await takeMessages()).toEqual([{ reference: 'docker.io/library/redis:7' }]);
});

test('an image that is there, and a blob that is not, put nothing into the queue', async () => {
  expect(await ask('open', '/v2/library/app/manifests/1')).toBe(200);
  expect(await ask('open', '/v2/library/app/manifests/1')).toBe(200);
  expect(await ask('open', `/v2/library/app/blobs/${NONE}`)).toBe(404);
  expect(await takeMessages()).toEqual([]);
});

test('an edge with tokens reports what the holder of a token misses, and nothing else', async () => {
  expect(await ask('closed', '/v2/a.b/secret/manifests/1')).toBe(403);
  const headers = { authorization: 'Bearer secret' };
  expect(await ask('closed', '/v2/a.b/wanted/manifests/1', { headers })).toBe(404);
  expect(await takeMessages()).toEqual([{ reference: 'a.b/wanted:1' }]);
});

test('an edge without tags reports no tag', async () => {
  expect(await ask('digests', '/v2/a.b/c/manifests/1')).toBe(404);
  expect(await ask('digests', `/v2/a.b/c/manifests/${NONE}`)).toBe(404);
  expect(await takeMessages()).toEqual([{ reference: `a.b/c@${NONE}` }]);
});

test('the log has the whole name of what was missed', async () => {
  harness.clearLogs();
  await ask('open', '/v2/a/b/manifests/logged?ns=ghcr.io');
  const lines = harness.getLogs().map((log) => JSON.stringify(log));
  expect(lines.filter((line) => line.includes('ghcr.io/a/b:logged')).length).toBe(1);
});

// This test is the last one, because it uses up what one isolate may send within a minute.
test('thousands of names put no more than 60 messages a minute into the queue', async () => {
  const startedAtMs = Date.now();
  for (let start = 0; start < 2000; start += 50) {
    const names = Array.from({ length: 50 }, (_, index) => `/v2/a.b/scanned/manifests/${start + index}`);
    expect(new Set(await Promise.all(names.map((name) => ask('open', name))))).toEqual(new Set([404]));
  }
  await pause(2000);
  const minutes = Math.ceil((Date.now() - startedAtMs) / 60_000);
  expect(messages.length).toBeGreaterThanOrEqual(1);
  expect(messages.length).toBeLessThanOrEqual(60 * (minutes + 1));
});
