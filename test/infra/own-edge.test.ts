/** The edge on a machine of one's own, in the workerd that serves it: its variables, its memory and its end. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { issueCertificate, makeCertificate } from '../support/certificate.ts';
import { close, listen } from '../support/http-server.ts';
import { buildOwnEdge, serveOwnEdge, WORKERD, type OwnEdge } from '../support/own-edge.ts';
import { freePort, pause, runProgram, startProgram, waitFor } from '../support/process.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const IDENTITY = '{"version":1,"id":"x","audience":"public"}';
const HEX = 'a'.repeat(64);
const BLOB_BYTES = 4 * 1024 * 1024;
const MIB = 1024 * 1024;
/** The list of tags of each repository, so large that memory holds few of them. */
const LARGE_LIST = JSON.stringify({
  name: 'x',
  tags: Array.from({ length: 20_000 }, (_, index) => `tag-${String(index).padStart(6, '0')}`),
});

let folder = '';
let server: Server;
let endpoint = '';
let edges: OwnEdge[] = [];
const reads: string[] = [];
/** Sends the rest of a blob, of which the store has sent half. */
let finishBlob: () => void = () => {};

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  reads.push(path);
  const send = (body: string) => response.writeHead(200, { 'content-length': body.length }).end(body);
  if (path.endsWith('/lifeboat.json')) send(IDENTITY);
  else if (path.includes('/large-')) send(LARGE_LIST);
  else if (path.endsWith('/_tags.json')) send('{"name":"x","tags":["1"]}');
  else if (path.includes('/_blobs/')) {
    const mediaType = 'application/octet-stream';
    send(JSON.stringify({ mediaType, digest: `sha256:${HEX}`, size: BLOB_BYTES }));
  } else if (path.includes('/blobs/')) {
    response.writeHead(200, { 'content-length': BLOB_BYTES });
    response.write(Buffer.alloc(BLOB_BYTES / 2));
    finishBlob = () => response.end(Buffer.alloc(BLOB_BYTES / 2));
  } else response.writeHead(404).end();
}

const storeAt = (url: string, prefix = 'S3_') => ({
  [`${prefix}ENDPOINT`]: url,
  [`${prefix}BUCKET`]: 'bucket',
  [`${prefix}ACCESS_KEY_ID`]: 'key',
  [`${prefix}SECRET_ACCESS_KEY`]: 'secret',
});

async function start(variables: Readonly<Record<string, string>>): Promise<OwnEdge> {
  const edge = await serveOwnEdge(folder, variables);
  edges.push(edge);
  return edge;
}

async function ask(edge: OwnEdge, path: string): Promise<[number, string]> {
  const response = await fetch(edge.url + path, { signal: AbortSignal.timeout(20_000) });
  return [response.status, await response.text()];
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-own-edge-'));
  await buildOwnEdge(folder);
  server = createServer(answer);
  endpoint = `http://127.0.0.1:${await listen(server)}`;
});

afterAll(async () => {
  await close(server);
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => {
  reads.length = 0;
});

afterEach(async () => {
  for (const edge of edges) await edge.stop();
  edges = [];
});

const read = (file: string) => readFile(join(import.meta.dirname, '../..', file), 'utf8');
const wordsOf = (list: string) => [...list.matchAll(/'([A-Z0-9_]+)'/g)].map(([, word = '']) => word);

test('the configuration names every variable that the Worker reads, and no other', async () => {
  const names = await read('worker/configuration/variable-name.ts');
  const stores = await read('worker/configuration/store-configuration.ts');
  const [, known = ''] = /const KNOWN = \[([^\]]+)\]/.exec(names) ?? [];
  const [, fields = ''] = /const FIELDS = \[([^\]]+)\]/.exec(stores) ?? [];
  const others = [2, 3, 4, 5, 6, 7, 8, 9].flatMap((number) =>
    [...wordsOf(fields), 'PUBLIC_URL'].map((field) => `S3_${number}_${field}`),
  );
  // These are bindings to services of Cloudflare's, and no texts.
  const texts = wordsOf(known).filter((name) => !['ANALYTICS', 'BUCKET', 'MISSES'].includes(name));
  const configured = [
    ...(await read('infra/edge/variables.capnp')).matchAll(/name = "(\w+)", fromEnvironment = "(\w+)"/g),
  ];
  expect(configured.map(([, name = '']) => name).toSorted()).toEqual([...texts, ...others].toSorted());
  expect(configured.filter(([, name, variable]) => name !== variable)).toEqual([]);
});

test('it runs with the compatibility date of a deployment', async () => {
  const dates = await Promise.all(
    ['wrangler.deploy.example.toml', 'infra/edge/edge.capnp'].map(async (file) => {
      const text = await read(file);
      return /compatibility_?date = "(.+?)"/i.exec(text)?.[1];
    }),
  );
  expect(dates[0]).toMatch(/^\d{4}-\d\d-\d\d$/);
  expect(dates[1]).toBe(dates[0]);
});

test('variables come from the environment, and those that are not set have their defaults', async () => {
  const plain = await start(storeAt(endpoint));
  expect(await ask(plain, '/v2/quay.io/a/b/tags/list')).toEqual([200, '{"name":"quay.io/a/b","tags":["1"]}']);
  expect(await ask(plain, '/healthz')).toEqual([
    200,
    expect.stringMatching(/^\{"live":true,"stores":\[[^,]+,/),
  ]);
  const digestsOnly = await start({ ...storeAt(endpoint), TAGS: 'off' });
  expect((await ask(digestsOnly, '/v2/quay.io/a/b/tags/list'))[0]).toBe(404);
});

test('it has the pages for people', async () => {
  const edge = await start(storeAt(endpoint));
  const [found, page] = await ask(edge, '/r/quay.io/a/b');
  expect(found).toBe(200);
  expect(page).toContain('<h1 class="mono break">quay.io/a/b</h1>');
});

test('a second store answers when the first does not', async () => {
  const down = `http://127.0.0.1:${await freePort()}`;
  const edge = await start({ ...storeAt(down), ...storeAt(endpoint, 'S3_2_') });
  expect((await ask(edge, '/v2/quay.io/a/b/tags/list'))[0]).toBe(200);
});

test.each([
  ['TAG_TTL', '60', /The variable TAG_TTL cannot be used: it .+ seconds\./],
  ['S3_3_BUCKET', 'b', /The variable S3_3_ENDPOINT cannot be used: there is no store 2;/],
])('with %s = %s every answer is a 503 that names the variable', async (name, value, sentence) => {
  const edge = await start({ ...storeAt(endpoint), [name]: value });
  for (const path of ['/v2/', '/healthz', '/livez', '/v2/quay.io/a/b/tags/list']) {
    const [status, body] = await ask(edge, path);
    expect([path, status, body]).toEqual([path, 503, expect.stringMatching(sentence)]);
  }
  const logged = edge.program.output().match(/\{"kind":"configuration".+\}/g) ?? [];
  expect(logged).toEqual([expect.stringMatching(sentence)]);
});

test('it is alive without its store, and then not ready', async () => {
  const edge = await start(storeAt(`http://127.0.0.1:${await freePort()}`));
  expect(await ask(edge, '/livez')).toEqual([200, '{}']);
  expect((await ask(edge, '/healthz'))[0]).toBe(503);
});

test('a store with a root of its own is trusted by SSL_CERT_FILE, and not without it', async () => {
  const root = makeCertificate('root');
  const { pem, keyPem } = issueCertificate(root, 'localhost');
  const file = join(folder, 'ca.pem');
  await writeFile(file, root.pem);
  const secure = createTlsServer({ cert: pem, key: keyPem }, answer);
  const variables = storeAt(`https://localhost:${await listen(secure)}`);
  try {
    const trusting = await start({ ...variables, SSL_CERT_FILE: file });
    expect((await ask(trusting, '/healthz'))[0]).toBe(200);
    const strict = await start(variables);
    expect((await ask(strict, '/healthz'))[0]).toBe(503);
    await waitFor('the reason', () => strict.program.output().includes('UnknownIssuer'));
  } finally {
    await close(secure);
  }
});

test('tls.capnp serves HTTPS with the certificate of a folder', async () => {
  const root = makeCertificate('root');
  const { pem, keyPem } = issueCertificate(root, 'localhost');
  await writeFile(join(folder, 'tls.crt'), pem);
  await writeFile(join(folder, 'tls.key'), keyPem);
  await writeFile(join(folder, 'ca.pem'), root.pem);
  const port = await freePort();
  const args = [
    'serve',
    `--import-path=${folder}`,
    join(folder, 'tls.capnp'),
    `--socket-addr=https=127.0.0.1:${port}`,
  ];
  const program = await startProgram(WORKERD, args, { env: storeAt(endpoint) });
  const url = `https://localhost:${port}/healthz`;
  const script = `fetch(${JSON.stringify(url)}).then((r) => console.log(r.status), (e) => console.log(e.cause.code))`;
  const asked = async (roots: string) =>
    (
      await runProgram(process.execPath, ['-e', script], { env: { NODE_EXTRA_CA_CERTS: roots } })
    ).stdout.trim();
  try {
    await waitFor('HTTPS', async () => (await asked(join(folder, 'ca.pem'))) === '200', { program });
    expect(await asked('')).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  } finally {
    await program.stop();
  }
});

test('its memory is bounded: what was asked long ago is read again, what was asked just now is not', async () => {
  const edge = await start(storeAt(endpoint));
  const list = async (number: number) => ask(edge, `/v2/quay.io/a/large-${number}/tags/list?n=1`);
  await list(0);
  const beforeBytes = await residentBytes(edge.program.pid);
  const count = 500;
  for (let number = 1; number <= count; number += 1) await list(number);
  const grownBytes = (await residentBytes(edge.program.pid)) - beforeBytes;
  // The lists have 150 MB of text together, and memory holds 10 MiB of lists.
  expect(count * LARGE_LIST.length).toBeGreaterThan(120 * MIB);
  expect(grownBytes).toBeLessThan(100 * MIB);
  reads.length = 0;
  await list(count);
  expect(reads.filter((path) => path.includes('/large-'))).toEqual([]);
  await list(0);
  expect(reads.filter((path) => path.includes('/large-'))).toHaveLength(1);
});

async function residentBytes(pid: number): Promise<number> {
  const [, kibibytes = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

test('SIGTERM lets a blob that is streamed come to its end, and no new request begin', async () => {
  const edge = await start({ ...storeAt(endpoint), BLOBS: 'stream' });
  const response = await fetch(`${edge.url}/v2/quay.io/a/b/blobs/sha256:${HEX}`);
  expect(response.status).toBe(200);
  edge.program.kill('SIGTERM');
  await pause(500);
  expect(edge.program.running()).toBe(true);
  // Such a request waits until the end, so Kubernetes and a proxy have to send none by then.
  const late = ask(edge, '/livez').then(
    ([status]) => status,
    () => 'cut',
  );
  expect(await Promise.race([late, pause(500)])).toBeUndefined();
  finishBlob();
  expect((await response.arrayBuffer()).byteLength).toBe(BLOB_BYTES);
  expect(await edge.program.exited).toEqual({ code: 0, signal: null });
  expect(await late).toBe('cut');
});
