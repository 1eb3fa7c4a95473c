/**
 * If the edge cannot serve an image, each real client pulls it from its upstream, without a long wait.
 *
 * skopeo and podman choose once, by `/v2/` and the first manifest. If `/v2/` answers 503, they also request
 * `/v1/_ping`, which older registries had. containerd asks the edge for each object, and its upstream for each object
 * that it did not get.
 */
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT_NAMES, startClients, type ClientName, type Clients } from '../support/clients/clients.ts';
import { digestOfTag, emptyRepository } from '../support/content.ts';
import { startCountingProxy, type CountingProxy } from '../support/counting-proxy.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { close, listen } from '../support/http-server.ts';
import { waitFor } from '../support/process.ts';
import { pushRepository } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { sync } from '../support/sync.ts';
import { addUniqueImage } from '../support/unique-image.ts';
import { startDockerRegistry, type Upstream } from '../support/upstream.ts';

const MIRRORED = 'library/mirrored';
const ABSENT = 'library/absent';
/** The limit for a whole pull, even if a server hangs. */
const PATIENCE_MS = 15_000;

interface Situation {
  readonly name: string;
  readonly repository: string;
  /** @returns the edge that the clients use */
  readonly start: () => Promise<Edge>;
  /** The statuses of `/v2/`, a manifest by its tag, and a blob. */
  readonly statuses: readonly number[];
  /** The requests of skopeo and podman to the edge in one command. */
  readonly containersImage: readonly string[];
  readonly containerd: readonly string[];
}

const SITUATIONS: readonly Situation[] = [
  {
    name: 'an image that is not mirrored',
    repository: ABSENT,
    start: async () => startEdge(store),
    statuses: [200, 404, 404],
    containersImage: ['GET /v2/ 200', 'GET tag 404'],
    containerd: ['HEAD tag 404', 'GET manifest 404', 'GET blob 404', 'GET blob 404', 'GET blob 404'],
  },
  {
    name: 'a store that is down, below an edge with an empty cache',
    repository: MIRRORED,
    start: async () => {
      const stopped = await startS3Server();
      await stopped.stop();
      return startEdge(stopped);
    },
    statuses: [503, 503, 503],
    containersImage: ['GET /v2/ 503', 'GET /v1/_ping 404'],
    containerd: ['HEAD tag 503', 'GET manifest 503', 'GET blob 503', 'GET blob 503', 'GET blob 503'],
  },
  {
    name: 'a store that never answers',
    repository: MIRRORED,
    start: async () => startEdge({ ...store, endpoint: `http://127.0.0.1:${await listen(hanging)}` }),
    statuses: [503, 503, 503],
    containersImage: ['GET /v2/ 503', 'GET /v1/_ping 404'],
    containerd: ['HEAD tag 503', 'GET manifest 503', 'GET blob 503', 'GET blob 503', 'GET blob 503'],
  },
  {
    // The edge still has the manifests in its cache, but no store for the blobs.
    name: 'a store that goes down, below an edge that has the image in its cache',
    repository: MIRRORED,
    start: async () => {
      const warm = await startEdge(store, { STORE_FRESH: '1s' });
      for (const client of CLIENT_NAMES) {
        const digest = digestOfTag(images, tagFor(client));
        for (const reference of [tagFor(client), digest]) {
          expect(await statusOf(warm, `docker.io/${MIRRORED}/manifests/${reference}`)).toBe(200);
        }
      }
      await store.program.stop();
      await waitFor('the edge to notice', async () => (await statusOf(warm, '')) === 503);
      return warm;
    },
    statuses: [503, 200, 503],
    containersImage: ['GET /v2/ 503', 'GET /v1/_ping 404'],
    containerd: ['HEAD tag 200', 'GET manifest 200', 'GET blob 503', 'GET blob 503', 'GET blob 503'],
  },
];

/** The images are the same in both repositories, one per client. */
const images = emptyRepository();
const hanging = createServer(() => {});
let upstream: Upstream;
let upstreamProxy: CountingProxy;
let store: S3Server;

beforeAll(async () => {
  [upstream, store] = await Promise.all([startDockerRegistry(), startS3Server()]);
  upstreamProxy = await startCountingProxy({ target: upstream.url });
  for (const client of CLIENT_NAMES) await addUniqueImage(images, tagFor(client));
  for (const repository of [MIRRORED, ABSENT])
    await pushRepository(repository, images, { url: upstream.url });
  const { code, stderr } = await sync(store, {
    upstreams: { [upstream.host]: { insecure: true } },
    images: [{ source: `${upstream.host}/${MIRRORED}`, name: `docker.io/${MIRRORED}`, tags: ['*'] }],
  });
  if (code !== 0) throw new Error(`lifeboat sync ended with ${code}:\n${stderr}`);
});

afterAll(async () => {
  await close(hanging);
  await upstreamProxy?.stop();
  await Promise.all([upstream?.stop(), store?.stop()]);
});

function tagFor(client: ClientName): string {
  return client.toLowerCase().replaceAll(/[^a-z]+/g, '-');
}

async function statusOf(edge: Edge, path: string): Promise<number> {
  const response = await fetch(`${edge.url}/v2/${path}`, { signal: AbortSignal.timeout(10_000) });
  await response.body?.cancel();
  return response.status;
}

describe.each(SITUATIONS)('$name', ({ repository, start, statuses, containersImage, containerd }) => {
  let edge: Edge;
  let edgeProxy: CountingProxy;
  let clients: Clients;

  beforeAll(async () => {
    edge = await start();
    edgeProxy = await startCountingProxy({ target: edge.url });
    // The clients are new, so they have no part of the images yet.
    clients = await startClients();
  });
  afterAll(async () => {
    await clients?.stop();
    await edgeProxy?.stop();
    await edge?.stop();
  });

  test('the edge answers with the statuses of this case', async () => {
    const [blob = ''] = images.blobs.keys();
    expect([
      await statusOf(edge, ''),
      await statusOf(edge, `docker.io/${repository}/manifests/${tagFor('skopeo')}`),
      await statusOf(edge, `docker.io/${repository}/blobs/${blob}`),
    ]).toEqual(statuses);
  });

  test.each(CLIENT_NAMES)('%s pulls from the upstream', async (client) => {
    edgeProxy.reset();
    upstreamProxy.reset();
    const pulled = await clients.get(client).pull({
      edge: edgeProxy.url,
      reference: `docker.io/${repository}:${tagFor(client)}`,
      mode: 'prefix',
      upstream: new URL(upstreamProxy.url).host,
      timeout: PATIENCE_MS,
    });
    expect(pulled.digest).toBe(digestOfTag(images, tagFor(client)));
    expect(blobsOf(upstreamProxy)).toBe(3);
    // skopeo runs a second time, to find out which digest it has pulled.
    const once = client.startsWith('containerd') ? containerd : containersImage;
    expect(requestsOf(edgeProxy)).toEqual(client === 'skopeo' ? [...once, ...once] : once);
  });
});

/** Counts the pulled configurations and layers, of which each image has three. */
function blobsOf({ requests }: CountingProxy): number {
  return requests.filter(({ path, status }) => path.includes('/blobs/') && status === 200).length;
}

function requestsOf({ requests }: CountingProxy): string[] {
  return requests.map(({ method, path, status }) => {
    const what =
      /\/(manifest|blob)s\/sha256:/.exec(path)?.[1] ?? (path.includes('/manifests/') ? 'tag' : path);
    return `${method} ${what} ${status}`;
  });
}
