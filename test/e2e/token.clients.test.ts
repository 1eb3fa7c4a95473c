/** Tests a real registry with tokens: docker-registry, and a token server whose key it trusts. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { buildCorpus } from '../support/corpus.ts';
import { selectRepositories } from '../support/content.ts';
import { startCountingProxy, type CountingProxy } from '../support/counting-proxy.ts';
import { startForwardProxy } from '../support/forward-proxy.ts';
import { pause } from '../support/process.ts';
import { pushCorpus } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { sync, type Synced } from '../support/sync.ts';
import { startTokenServer, type TokenServer } from '../support/token-server.ts';
import { UPSTREAM_USER, startDockerRegistry, type Upstream } from '../support/upstream.ts';

const IDENTITY_TOKEN = 'an-identity-token-of-the-tests';
/** distribution accepts a token for this long after its end, because clocks differ. */
const LEEWAY_SECONDS = 60;

let folder = '';
let tokens: TokenServer;
let upstream: Upstream;
let proxy: CountingProxy;
let store: S3Server;
/** Waits at the first request for a blob until every token that was issued before has ended. */
let holdFirstBlob: (() => Promise<void>) | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-token-'));
  tokens = await startTokenServer({ user: UPSTREAM_USER, identityToken: IDENTITY_TOKEN });
  [upstream, store] = await Promise.all([startDockerRegistry({ tokens }), startS3Server()]);
  proxy = await startCountingProxy({
    target: upstream.url,
    before: async ({ path }) => {
      if (!path.includes('/blobs/') || holdFirstBlob === undefined) return;
      const hold = holdFirstBlob;
      holdFirstBlob = undefined;
      await hold();
    },
  });
  const Authorization = `Bearer ${tokens.issue('team/one', 'pull', 'push')}`;
  const corpus = selectRepositories(await buildCorpus(), (name) => name === 'team/one');
  await pushCorpus(corpus, { url: upstream.url, headers: { Authorization } });
});
beforeEach(() => {
  proxy.reset();
  tokens.requests.length = 0;
});
afterAll(async () => {
  await proxy?.stop();
  await Promise.all([upstream?.stop(), store?.stop(), tokens?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

interface Run {
  readonly prefix: string;
  readonly credentials?: readonly object[];
  /** The content of docker's config.json. */
  readonly login?: object;
}

async function mirror({ prefix, credentials, login = {} }: Run): Promise<Synced> {
  await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [hostOf(proxy)]: login } }));
  const upstreams = {
    [hostOf(proxy)]: { insecure: true, ...(credentials !== undefined && { credentials }) },
  };
  const images = [{ source: `${hostOf(proxy)}/team/one`, tags: ['latest'], public: true }];
  return sync(store, { upstreams, images }, { prefix, env: { DOCKER_CONFIG: folder } });
}

function hostOf({ url }: CountingProxy): string {
  return new URL(url).host;
}

function named(address: string, name: string): string {
  return address.replace('127.0.0.1', name);
}

function expectNoSecret({ stdout, stderr }: Synced): void {
  for (const secret of [UPSTREAM_USER.password, IDENTITY_TOKEN, ...tokens.issued]) {
    expect(stdout + stderr).not.toContain(secret);
  }
}

test('without credentials the token server refuses, and the image’s error names the setting to configure', async () => {
  const synced = await mirror({ prefix: 'none' });
  expect(synced.code).toBe(1);
  expect(synced.report.items.map(({ outcome }) => outcome.error)).toEqual([
    expect.stringContaining(`configure upstreams["${hostOf(proxy)}"].credentials`),
  ]);
});

test('with a password the image is mirrored after one refusal, with tokens for its repository only', async () => {
  const synced = await mirror({ prefix: 'password', credentials: [UPSTREAM_USER] });
  expect(synced.report.counts).toMatchObject({ created: 1, failed: 0 });
  expect(synced.code).toBe(0);
  expect(
    tokens.requests.filter(({ parameters }) => parameters['scope'] === 'repository:team/one:pull'),
  ).toEqual(tokens.requests);
  expect(proxy.requests.filter(({ status }) => status === 401).map(({ index }) => index)).toEqual([0]);
  expectNoSecret(synced);
});

test('with the password or the identity token that "docker login" stored, the image is mirrored', async () => {
  const { username, password } = UPSTREAM_USER;
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  expect((await mirror({ prefix: 'auth', login: { auth } })).code).toBe(0);
  expect(tokens.requests.map(({ method }) => method)).not.toContain('POST');
  tokens.requests.length = 0;

  const synced = await mirror({ prefix: 'identity', login: { identitytoken: IDENTITY_TOKEN } });
  expect(synced.report.counts).toMatchObject({ created: 1, failed: 0 });
  expect(tokens.requests.map(({ method }) => method)).toEqual(['POST']);
  expectNoSecret(synced);
});

test('a token that ends in the middle of a run is renewed, and nothing fails', async () => {
  tokens.endIn(2 - LEEWAY_SECONDS);
  holdFirstBlob = async () => {
    await pause(4000);
    tokens.endIn(300);
  };
  const synced = await mirror({ prefix: 'ended', credentials: [UPSTREAM_USER] });
  expect(synced.report.counts).toMatchObject({ created: 1, failed: 0 });
  expect(synced.code).toBe(0);
  const blobs = proxy.requests.filter(({ path }) => path.includes('/blobs/'));
  expect(blobs[0]?.status).toBe(401);
  expect(blobs.filter(({ path, status }) => path === blobs[0]?.path && status === 200)).toHaveLength(1);
  expectNoSecret(synced);
});

test('through a proxy the job reaches the registry and the store by names that only the proxy knows', async () => {
  const forward = await startForwardProxy();
  const host = named(hostOf(proxy), 'registry.test');
  const synced = await sync(
    { ...store, endpoint: named(store.endpoint, 'store.test') },
    {
      upstreams: { [host]: { insecure: true, credentials: [UPSTREAM_USER] } },
      images: [{ source: `${host}/team/one`, tags: ['latest'], public: true }],
    },
    { prefix: 'proxied', env: { HTTP_PROXY: forward.url } },
  );
  await forward.stop();
  expect(synced.report.counts).toMatchObject({ created: 1, failed: 0 });
  const origins = new Set(forward.passed.map((each) => each.split(' ')[1]));
  // The realm has the token server's own address, so requests to it use no proxy.
  expect(origins).toEqual(new Set([`http://${host}`, named(store.endpoint, 'store.test')]));
});
