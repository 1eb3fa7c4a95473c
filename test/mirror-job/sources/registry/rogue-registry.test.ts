import { createHash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { addMultiPlatform, buildCorpus } from '../../../support/corpus.ts';
import {
  digestOf,
  digestOfTag,
  emptyRepository,
  manifestOf,
  randomBlob,
  repositoryOf,
  type Corpus,
} from '../../../support/content.ts';
import { DOCKER_SCHEMA1, OCI_INDEX, OCI_MANIFEST, SPDX } from '../../../support/media-types.ts';
import type { Misbehaviour } from '../../../support/misbehaviour.ts';
import { basicHeader } from '../../../support/registry-auth.ts';
import {
  startRogueRegistry,
  type RogueOptions,
  type RogueRegistry,
} from '../../../support/rogue-registry.ts';

const corpus = await buildCorpus();
const app = repositoryOf(corpus, 'library/app');
const latest = digestOfTag(app, 'latest');
const manifest = manifestOf(app, latest);
const [blobDigest = '', blob = randomBlob('', 0)] = [...app.blobs][0] ?? [];

const started: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((registry) => registry.stop()));
});

async function start(options: Partial<RogueOptions> = {}): Promise<RogueRegistry> {
  const registry = await startRogueRegistry({ corpus, ...options });
  started.push(registry);
  return registry;
}

async function startWith(misbehaviour: Misbehaviour): Promise<RogueRegistry> {
  return start({ misbehave: () => misbehaviour });
}

async function digestOfBody(response: Response): Promise<string> {
  return digestOf(Buffer.from(await response.arrayBuffer()));
}

/** The number of bytes that came, and how the body ended. */
async function readSlowly(response: Response): Promise<{ bytes: number; ended: boolean }> {
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) bytes += chunk.length;
    return { bytes, ended: true };
  } catch {
    return { bytes, ended: false };
  }
}

test('a manifest is served by tag and by digest, to HEAD like to GET', async () => {
  const registry = await start();
  for (const reference of ['latest', latest]) {
    for (const method of ['GET', 'HEAD']) {
      const response = await fetch(`${registry.url}/v2/library/app/manifests/${reference}`, { method });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe(OCI_INDEX);
      expect(response.headers.get('docker-content-digest')).toBe(latest);
      expect(response.headers.get('content-length')).toBe(String(manifest.bytes.length));
      const body = Buffer.from(await response.arrayBuffer());
      expect(body).toEqual(method === 'GET' ? Buffer.from(manifest.bytes) : Buffer.alloc(0));
    }
  }
  expect(
    registry.requests.map(({ method, kind, reference, index, nth }) => [method, kind, reference, index, nth]),
  ).toEqual([
    ['GET', 'manifest', 'latest', 0, 0],
    ['HEAD', 'manifest', 'latest', 1, 0],
    ['GET', 'manifest', latest, 2, 0],
    ['HEAD', 'manifest', latest, 3, 0],
  ]);
});

test.each([
  ['/v2/', 200],
  ['/v2/library/app/manifests/none', 404],
  ['/v2/library/none/manifests/latest', 404],
  [`/v2/library/app/blobs/sha256:${'0'.repeat(64)}`, 404],
  ['/v2/library/none/tags/list', 404],
  ['/elsewhere', 404],
])('GET %s answers %i', async (path, status) => {
  const registry = await start();
  expect((await fetch(registry.url + path)).status).toBe(status);
});

test.each([
  [undefined, 200, 0, blob.size],
  ['bytes=500-1499', 206, 500, 1500],
  ['bytes=500-', 206, 500, blob.size],
  ['bytes=-500', 206, blob.size - 500, blob.size],
  [`bytes=${blob.size - 10}-99999999`, 206, blob.size - 10, blob.size],
])('a blob with Range %s answers %i', async (range, status, from, to) => {
  const registry = await start();
  const url = `${registry.url}/v2/library/app/blobs/${blobDigest}`;
  const response = await fetch(url, range === undefined ? {} : { headers: { range } });
  expect(response.status).toBe(status);
  expect(response.headers.get('content-length')).toBe(String(to - from));
  expect(response.headers.get('content-range')).toBe(
    status === 206 ? `bytes ${from}-${to - 1}/${blob.size}` : null,
  );
  const hash = createHash('sha256');
  for await (const chunk of blob.open(from, to)) hash.update(chunk);
  expect(await digestOfBody(response)).toBe(`sha256:${hash.digest('hex')}`);
});

test('a range past the end answers 416', async () => {
  const registry = await start();
  const url = `${registry.url}/v2/library/app/blobs/${blobDigest}`;
  const response = await fetch(url, { headers: { range: `bytes=${blob.size}-` } });
  expect([response.status, response.headers.get('content-range')]).toEqual([416, `bytes */${blob.size}`]);
});

test('tags come in pages, with a Link to the next page', async () => {
  const registry = await start({ pageSize: 3 });
  const list = async (path: string) => {
    const response = await fetch(registry.url + path);
    return [await response.json(), response.headers.get('link')];
  };
  expect(await list('/v2/library/app/tags/list?n=100')).toEqual([
    { name: 'library/app', tags: ['1.0', '1.0.0', '1.1.0'] },
    '</v2/library/app/tags/list?n=3&last=1.1.0>; rel="next"',
  ]);
  expect(await list('/v2/library/app/tags/list?n=3&last=1.1.0')).toEqual([
    { name: 'library/app', tags: ['latest'] },
    null,
  ]);
});

test('referrers are served, filtered and not, and a registry without the API answers 404', async () => {
  const signed = repositoryOf(corpus, 'library/signed');
  const registry = await start();
  const url = `${registry.url}/v2/library/signed/referrers/${digestOfTag(signed, 'latest')}`;
  const all = await fetch(url);
  expect(all.headers.get('content-type')).toBe(OCI_INDEX);
  const [sbom, { bytes } = manifest] =
    [...signed.manifests].find(([, one]) => Buffer.from(one.bytes).includes(`"artifactType": "${SPDX}"`)) ??
    [];
  const descriptor = {
    mediaType: OCI_MANIFEST,
    digest: sbom,
    size: bytes.length,
    artifactType: SPDX,
    annotations: { 'org.opencontainers.image.created': '2020-01-02T00:00:00Z' },
  };
  expect(await all.json()).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [descriptor] });
  const none = await fetch(`${url}?artifactType=none`);
  expect(none.headers.get('oci-filters-applied')).toBe('artifactType');
  expect(await none.json()).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
  const old = await start({ referrers: false });
  expect((await fetch(`${old.url}/v2/library/signed/referrers/${latest}`)).status).toBe(404);
});

test('a tag that moves in the corpus moves in the registry', async () => {
  const repository = emptyRepository();
  const moving: Corpus = { repositories: new Map([['a/b', repository]]) };
  const registry = await start({ corpus: moving });
  for (const seed of ['first', 'second']) {
    const index = await addMultiPlatform(repository, seed);
    repository.tags.set('latest', index.digest);
    const response = await fetch(`${registry.url}/v2/a/b/manifests/latest`);
    expect(await digestOfBody(response)).toBe(index.digest);
  }
});

test('basic authentication accepts the right password, and no request without one', async () => {
  const registry = await start({ auth: { kind: 'basic', username: 'a', password: 'b' } });
  const refused = await fetch(`${registry.url}/v2/`);
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="rogue"']);
  const authorization = basicHeader({ username: 'a', password: 'b' });
  expect((await fetch(`${registry.url}/v2/`, { headers: { authorization } })).status).toBe(200);
});

test('bearer tokens are for one repository, need the password, and can be revoked', async () => {
  const credentials = { username: 'a', password: 'b' };
  const registry = await start({
    auth: { kind: 'bearer', credentials, expiresIn: 300, field: 'access_token' },
  });
  const url = `${registry.url}/v2/library/app/manifests/latest`;
  const refused = await fetch(url);
  expect(refused.headers.get('www-authenticate')).toBe(
    `Bearer realm="${registry.url}/token",service="rogue",scope="repository:library/app:pull"`,
  );
  const realm = `${registry.url}/token?service=rogue&scope=repository:library/app:pull`;
  expect((await fetch(realm)).status).toBe(401);
  const token = await fetch(realm, { headers: { authorization: basicHeader(credentials) } });
  expect(await token.json()).toEqual({ access_token: 'token-1', expires_in: 300 });
  const headers = { authorization: 'Bearer token-1' };
  expect((await fetch(url, { headers })).status).toBe(200);
  expect((await fetch(`${registry.url}/v2/library/nested/manifests/latest`, { headers })).status).toBe(401);
  registry.revokeTokens();
  expect((await fetch(url, { headers })).status).toBe(401);
});

test.each<[Misbehaviour, number, string]>([
  [{ kind: 'status', status: 429, headers: { 'retry-after': '7' } }, 429, 'application/json'],
  [{ kind: 'html' }, 200, 'text/html; charset=utf-8'],
  [{ kind: 'unknown-media-type' }, 200, 'application/vnd.example.unknown+json'],
  [{ kind: 'schema1' }, 200, DOCKER_SCHEMA1],
  [{ kind: 'headers', set: { 'content-type': 'application/octet-stream' } }, 200, 'application/octet-stream'],
])('%o changes the answer for a manifest', async (misbehaviour, status, type) => {
  const registry = await startWith(misbehaviour);
  const response = await fetch(`${registry.url}/v2/library/app/manifests/latest`);
  expect([response.status, response.headers.get('content-type')]).toEqual([status, type]);
  expect(response.headers.get('retry-after')).toBe(status === 429 ? '7' : null);
});

test.each<[Misbehaviour, { length: string | null; bytes: number; ended: boolean }]>([
  [{ kind: 'wrong-bytes' }, { length: String(blob.size), bytes: blob.size, ended: true }],
  [
    { kind: 'short', by: 10, honest: true },
    { length: String(blob.size - 10), bytes: blob.size - 10, ended: true },
  ],
  [
    { kind: 'short', by: 10, honest: false },
    { length: String(blob.size), bytes: blob.size - 10, ended: false },
  ],
  [
    { kind: 'long', by: 10, honest: true },
    { length: String(blob.size + 10), bytes: blob.size + 10, ended: true },
  ],
  [
    { kind: 'long', by: 10, honest: false },
    { length: null, bytes: blob.size + 10, ended: true },
  ],
  [{ kind: 'chunked' }, { length: null, bytes: blob.size, ended: true }],
  [
    { kind: 'close', after: 5000 },
    { length: String(blob.size), bytes: 5000, ended: false },
  ],
])('%o changes the answer for a blob', async (misbehaviour, expected) => {
  const registry = await startWith(misbehaviour);
  const response = await fetch(`${registry.url}/v2/library/app/blobs/${blobDigest}`);
  expect({ length: response.headers.get('content-length'), ...(await readSlowly(response)) }).toEqual(
    expected,
  );
});

test('wrong bytes differ in one bit', async () => {
  const registry = await startWith({ kind: 'wrong-bytes' });
  const response = await fetch(`${registry.url}/v2/library/app/manifests/latest`);
  const expected = Buffer.from(manifest.bytes);
  expected[0] = '{'.charCodeAt(0) ^ 1;
  expect(Buffer.from(await response.arrayBuffer())).toEqual(expected);
});

test('a compressed body says so, and is the right one when it is unpacked', async () => {
  const registry = await startWith({ kind: 'gzip' });
  const response = await fetch(`${registry.url}/v2/library/app/manifests/latest`);
  expect(response.headers.get('content-encoding')).toBe('gzip');
  expect(response.headers.get('content-length')).toBeNull();
  // `fetch` unpacks it.
  expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from(manifest.bytes));
});

test('a stall sends the bytes that it states and then nothing, until the client gives up', async () => {
  const registry = await startWith({ kind: 'stall', after: 5000 });
  const patience = new AbortController();
  const response = await fetch(`${registry.url}/v2/library/app/blobs/${blobDigest}`, {
    signal: patience.signal,
  });
  let bytes = 0;
  const read = async () => {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes === 5000) setTimeout(() => patience.abort(), 50);
    }
  };
  await expect(read()).rejects.toThrow('aborted');
  expect(bytes).toBe(5000);
});

test('a hang never answers, and ends when the registry stops', async () => {
  const registry = await startWith({ kind: 'hang' });
  const answer = fetch(registry.url).catch(() => 'cut');
  while (registry.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await registry.stop();
  expect(await answer).toBe('cut');
});

test('a huge manifest has more than 4 MiB, and its digest is right', async () => {
  const registry = await startWith({ kind: 'huge-manifest' });
  const response = await fetch(`${registry.url}/v2/library/app/manifests/latest`);
  expect(Number(response.headers.get('content-length'))).toBeGreaterThan(4 * 1024 * 1024);
  expect(await digestOfBody(response)).toBe(response.headers.get('docker-content-digest'));
});

test('a response can lack Docker-Content-Digest', async () => {
  const registry = await startWith({ kind: 'headers', omit: ['Docker-Content-Digest'] });
  const response = await fetch(`${registry.url}/v2/library/app/manifests/latest`, { method: 'HEAD' });
  expect([response.status, response.headers.get('docker-content-digest')]).toEqual([200, null]);
});

test('an endless index names another child each time', async () => {
  const registry = await startWith({ kind: 'endless-index' });
  const url = `${registry.url}/v2/library/app/manifests/latest`;
  expect(await digestOfBody(await fetch(url))).not.toBe(await digestOfBody(await fetch(url)));
});

test('a redirect loop leads to its own address', async () => {
  const registry = await startWith({ kind: 'redirect-loop' });
  const url = `${registry.url}/v2/library/app/blobs/${blobDigest}`;
  const response = await fetch(url, { redirect: 'manual' });
  expect([response.status, response.headers.get('location')]).toEqual([307, url]);
});

test('a redirect to another host is served without a password, and its headers are recorded', async () => {
  const registry = await start({
    auth: { kind: 'basic', username: 'a', password: 'b' },
    misbehave: () => ({ kind: 'redirect-elsewhere' }),
  });
  const url = `${registry.url}/v2/library/app/blobs/${blobDigest}`;
  expect((await fetch(url)).status).toBe(401);
  const authorization = basicHeader({ username: 'a', password: 'b' });
  const response = await fetch(url, { headers: { authorization } });
  expect(response.url).toBe(`http://${registry.elsewhere}/v2/library/app/blobs/${blobDigest}`);
  expect(await digestOfBody(response)).toBe(blobDigest);
  expect(registry.requests.map(({ host, headers }) => [host, headers.authorization])).toEqual([
    [registry.host, undefined],
    [registry.host, authorization],
    [registry.elsewhere, undefined],
  ]);
});

test('a tag can move between HEAD and GET', async () => {
  const registry = await start({
    misbehave: ({ method }) => (method === 'HEAD' ? { kind: 'instead', reference: '1.0.0' } : undefined),
  });
  const url = `${registry.url}/v2/library/app/manifests/latest`;
  const head = await fetch(url, { method: 'HEAD' });
  expect(head.headers.get('docker-content-digest')).toBe(digestOfTag(app, '1.0.0'));
  expect((await fetch(url)).headers.get('docker-content-digest')).toBe(latest);
});

test('a list can have a tag that is gone, or a page that leads to itself, and is in order again afterwards', async () => {
  const registry = await startWith({ kind: 'tags', tags: ['gone', 'latest'] });
  const url = `${registry.url}/v2/library/app/tags/list`;
  expect(await (await fetch(url)).json()).toEqual({ name: 'library/app', tags: ['gone', 'latest'] });
  registry.misbehave(() => ({ kind: 'page-loop' }));
  expect((await fetch(`${url}?n=2`)).headers.get('link')).toBe('</v2/library/app/tags/list?n=2>; rel="next"');
  registry.misbehave(undefined);
  expect((await fetch(url)).headers.get('link')).toBe(null);
});
