/**
 * containerd, podman and skopeo pull mirrored images in every way that they can be configured, and run them.
 *
 * | | containerd (ctr, CRI) | podman, skopeo |
 * |---|---|---|
 * | `prefix` | `override_path`; sends `?ns=` as well | the mirror's location has a path |
 * | `host`, `default` | the mirror is a host alone; sends `?ns=` as well | the mirror's location is a host alone |
 * | `ns` | `_default` | no: they never name the upstream |
 * | a token | `Bearer`, as a header of every request | no: they send only a token that a token server issues |
 * | a login | as a header of every request | as `podman login` stores it, after a challenge |
 *
 * So podman and skopeo need `AUTH_CHALLENGE = basic` where containerd needs nothing.
 */
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSample } from '../../infra/local/sample.ts';
import type { Client, Mode, PullRequest } from '../support/clients/client.ts';
import { CLIENT_NAMES, startClients, type Clients } from '../support/clients/clients.ts';
import { digestOfTag, emptyRepository, manifestOf, type Digest } from '../support/content.ts';
import { startCountingProxy, type CountingProxy } from '../support/counting-proxy.ts';
import { EDGE_STARTS } from '../support/edge-starts.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { readJson, referencesOf, type Reference } from '../support/manifest-json.ts';
import { readLayout } from '../support/oci-layout.ts';
import { startOwnEdge } from '../support/own-edge.ts';
import { pushRepository } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { sync } from '../support/sync.ts';
import { addUniqueImage } from '../support/unique-image.ts';
import { startDockerRegistry, type Upstream } from '../support/upstream.ts';

const SECRET = 'token-for-the-tests';
const HASH = createHash('sha256').update(SECRET).digest('hex');
const TOKEN = { AUDIENCE: 'token', TOKENS: `clients ${HASH} docker.io/library/*,quay.io/library/*` };
const HOSTS = { HOSTS: 'quay.localhost=quay.io' };

/**
 * The statuses are those of a blob of 5 kB and of one of 100 kB, first for a client at the store's own host name, then
 * at another. Go's clients send Authorization on to the same host, so a client with a token is never redirected there.
 */
const EDGES = [
  {
    name: 'auto, in workerd of one’s own',
    start: startOwnEdge,
    variables: { BLOBS: 'auto' },
    here: [200, 307],
    elsewhere: [200, 307],
  },
  {
    name: 'stream, login, in workerd of one’s own',
    start: startOwnEdge,
    variables: { BLOBS: 'stream', ...TOKEN, AUTH_CHALLENGE: 'basic' },
    here: [200, 200],
    elsewhere: [200, 200],
  },
  { name: 'auto', variables: { BLOBS: 'auto' }, here: [200, 307], elsewhere: [200, 307] },
  { name: 'redirect', variables: { BLOBS: 'redirect' }, here: [307, 307], elsewhere: [307, 307] },
  { name: 'stream', variables: { BLOBS: 'stream' }, here: [200, 200], elsewhere: [200, 200] },
  { name: 'auto, token', variables: { BLOBS: 'auto', ...TOKEN }, here: [200, 200], elsewhere: [200, 307] },
  {
    name: 'auto, login',
    variables: { BLOBS: 'auto', ...TOKEN, AUTH_CHALLENGE: 'basic' },
    here: [200, 200],
    elsewhere: [200, 307],
  },
  {
    name: 'redirect, login',
    variables: { BLOBS: 'redirect', ...TOKEN, AUTH_CHALLENGE: 'basic' },
    here: [200, 200],
    elsewhere: [307, 307],
  },
  {
    name: 'stream, login',
    variables: { BLOBS: 'stream', ...TOKEN, AUTH_CHALLENGE: 'basic' },
    here: [200, 200],
    elsewhere: [200, 200],
  },
] as const;

const MODES: readonly Mode[] = ['prefix', 'host', 'default', 'ns', 'direct'];
const UPSTREAM_NAME = 'library/matrix';
/** The upstream is not the default one, which has no such name. So a name that is misunderstood is not found. */
const NAMED = `quay.io/${UPSTREAM_NAME}`;
const BY_DEFAULT = 'docker.io/library/by-default';
const SAMPLE = 'library/sample';

const matrix = emptyRepository();
let upstream: Upstream;
let proxy: CountingProxy;
let store: S3Server;
let clients: Clients;
/** The sample's index, and its images. */
let sample: { readonly digest: Digest; readonly platforms: readonly Digest[] };

beforeAll(async () => {
  [upstream, store] = await Promise.all([startDockerRegistry(), startS3Server({ buckets: 2 })]);
  proxy = await startCountingProxy({ target: upstream.url });
  clients = await startClients();
  sample = await pushSample();
  for (const { name } of EDGES) {
    for (const mode of MODES) await addUniqueImage(matrix, tagOf(name, mode));
    for (const client of CLIENT_NAMES) await addUniqueImage(matrix, refusedTagOf(name, client));
  }
  await pushRepository(UPSTREAM_NAME, matrix, { url: upstream.url });
  for (const audience of ['public', 'token'] as const) {
    const { code, stderr } = await sync(
      { ...store, bucket: bucketFor(audience), audience },
      {
        upstreams: { [upstream.host]: { insecure: true } },
        images: [
          { source: `${upstream.host}/${SAMPLE}`, name: `docker.io/${SAMPLE}`, tags: ['*'] },
          { source: `${upstream.host}/${UPSTREAM_NAME}`, name: NAMED, tags: ['*'] },
          { source: `${upstream.host}/${UPSTREAM_NAME}`, name: BY_DEFAULT, tags: ['*'] },
        ],
      },
    );
    if (code !== 0) throw new Error(`lifeboat sync ended with ${code}:\n${stderr}`);
  }
});

afterAll(async () => {
  await clients?.stop();
  await proxy?.stop();
  await Promise.all([upstream?.stop(), store?.stop()]);
});

async function pushSample(): Promise<typeof sample> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-sample-'));
  const { index, images } = await writeSample(folder);
  await pushRepository(SAMPLE, await readLayout(folder), { url: upstream.url });
  await rm(folder, { recursive: true });
  return { digest: index.digest, platforms: images.map((image) => image.digest) };
}

function bucketFor(audience: 'public' | 'token'): string {
  const bucket = store.buckets[audience === 'public' ? 0 : 1];
  if (bucket === undefined) throw new Error(`There is no bucket for ${audience}.`);
  return bucket;
}

function tagOf(edge: string, mode: Mode): string {
  return `${edge}-${mode}`.replaceAll(/[^a-z-]+/g, '-');
}

function refusedTagOf(edge: string, client: string): string {
  return `${edge}-refused-${client}`.toLowerCase().replaceAll(/[^a-z-]+/g, '-');
}

function layersOf(tag: string): readonly Reference[] {
  const manifest = readJson(manifestOf(matrix, digestOfTag(matrix, tag)).bytes);
  return referencesOf(manifest).layers;
}

describe.each(EDGES)('an edge with BLOBS = $name', ({ name, variables, here, elsewhere, ...how }) => {
  const start = 'start' in how ? how.start : startEdge;
  let edge: Edge;
  const isPrivate = 'AUDIENCE' in variables;
  const challenges = 'AUTH_CHALLENGE' in variables;

  beforeAll(async () => {
    const bucket = bucketFor(isPrivate ? 'token' : 'public');
    edge = await start({ ...store, bucket }, { ...variables, ...HOSTS });
  });
  afterAll(async () => {
    await edge?.stop();
  });

  function authFor(client: Client, secret: string): Pick<PullRequest, 'auth'> {
    if (!isPrivate) return {};
    const isContainerd = client.name === 'containerd' || client.name === 'cri';
    return { auth: isContainerd ? { bearer: secret } : { username: 'anybody', password: secret } };
  }

  test('it redirects and streams blobs as its variables say', async () => {
    const [small, large] = layersOf(tagOf(name, 'prefix'));
    const headers = isPrivate ? { authorization: `Bearer ${SECRET}` } : {};
    const statuses = async (host: string) => [
      await statusOf(edge, small, { ...headers, host }),
      await statusOf(edge, large, { ...headers, host }),
    ];
    expect(await statuses(edge.host)).toEqual(here);
    expect(await statuses('quay.localhost')).toEqual(elsewhere);
  });

  describe.each(CLIENT_NAMES)('%s', (client) => {
    // podman and skopeo send no login without a challenge.
    const names = isPrivate && !challenges && !client.startsWith('containerd') ? [] : modesOf(client);

    // The client's upstream is down, so everything that the client pulls comes from the edge.
    test.each(names)('it pulls by %s', async (mode) => {
      const tag = tagOf(name, mode);
      const one = clients.get(client);
      const pulled = await one.pull({
        edge: edge.url,
        reference: `${mode === 'default' ? BY_DEFAULT : NAMED}:${tag}`,
        mode,
        host: 'quay.localhost',
        ...authFor(one, SECRET),
      });
      expect(pulled.digest).toBe(digestOfTag(matrix, tag));
      expect(pulled.layers).toEqual(layersOf(tag).map((layer) => layer.digest));
    });

    test.each(isPrivate ? ['wrong-token'] : [])('with %s it pulls from the upstream', async (secret) => {
      const tag = refusedTagOf(name, client);
      const one = clients.get(client);
      proxy.reset();
      const pulled = await one.pull({
        edge: edge.url,
        reference: `${NAMED}:${tag}`,
        mode: 'prefix',
        upstream: new URL(proxy.url).host,
        ...authFor(one, secret),
      });
      expect(pulled.digest).toBe(digestOfTag(matrix, tag));
      const blobs = proxy.requests.filter(({ path }) => path.includes('/blobs/')).length;
      // The blobs are the configuration and both layers.
      expect(blobs).toBe(3);
    });
  });
});

function modesOf(client: (typeof CLIENT_NAMES)[number]): readonly Mode[] {
  return MODES.filter((mode) => mode !== 'ns' || client.startsWith('containerd'));
}

/** Uses `node:http`, because fetch sets the Host header itself. */
async function statusOf(
  edge: Edge,
  blob: Reference | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<number | undefined> {
  const url = `${edge.url}/v2/${NAMED}/blobs/${blob?.digest ?? ''}`;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { headers, timeout: 10_000 }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error(`${url} did not answer.`)));
    outgoing.once('error', reject);
    outgoing.end();
  });
}

describe.each(EDGE_STARTS)('the sample, from the edge in $runtime', ({ start }) => {
  let edge: Edge;

  beforeAll(async () => {
    edge = await start(store);
  });
  afterAll(async () => {
    await edge?.stop();
  });

  describe.each(CLIENT_NAMES)('%s', (client) => {
    test.each(['prefix', 'default'] as const)(
      'the client pulls it by %s and by tag, and runs it',
      async (mode) => {
        const one = clients.get(client);
        const pulled = await one.pull({ edge: edge.url, reference: 'docker.io/library/sample:latest', mode });
        expect(pulled.digest).toBe(sample.digest);
        expect(sample.platforms).toContain(pulled.image);
        expect(await one.run(pulled)).toContain('Hello from Lifeboat');
      },
    );

    test('the client pulls it by digest', async () => {
      const reference = `docker.io/library/sample@${sample.digest}`;
      const pulled = await clients.get(client).pull({ edge: edge.url, reference, mode: 'prefix' });
      expect(pulled.digest).toBe(sample.digest);
    });
  });

  test('skopeo copies all platforms, byte for byte', async () => {
    const reference = 'docker.io/library/sample:1.0';
    const pulled = await clients
      .get('skopeo')
      .pull({ edge: edge.url, reference, mode: 'prefix', platforms: 'all' });
    // skopeo names each file by the hash of its bytes.
    expect([...pulled.stored.keys()]).toEqual(expect.arrayContaining([sample.digest, ...sample.platforms]));
  });
});
