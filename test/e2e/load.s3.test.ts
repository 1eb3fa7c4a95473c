/**
 * 200 nodes pull 20 images at once through one edge: how often its store is asked for each object. It is a count, so it is
 * the same on each machine. The edge is a workerd, and one process of it is one isolate.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { digestOf } from '../support/content.ts';
import { EdgeClient, type EdgeAnswer } from '../support/load/edge-client.ts';
import {
  startLoadedMirror,
  TAG,
  TAGGED,
  type LoadedImage,
  type LoadedMirror,
} from '../support/load/loaded-mirror.ts';
import { startOwnEdge, type OwnEdge } from '../support/own-edge.ts';
import { pause } from '../support/process.ts';

const NODES = 200;
/** The store answers so slowly that all who ask for one object meet. It is less than the edge waits for another request. */
const SLOW_MS = 2000;

const latency = { ms: 0 };
let mirror: LoadedMirror;
let edge: OwnEdge;
let client: EdgeClient;

beforeAll(async () => {
  mirror = await startLoadedMirror('public', latency);
});

afterAll(async () => {
  await mirror?.stop();
});

beforeEach(async () => {
  latency.ms = 0;
  // Nothing becomes stale during a test, so each read of an object is its first one.
  edge = await startOwnEdge(mirror.store, { TAG_TTL: '1h', STORE_FRESH: '1h' });
  client = new EdgeClient(edge.url, Infinity);
  mirror.proxy.reset();
});

afterEach(async () => {
  client?.close();
  await edge?.stop();
});

/** The reads of each key. */
function reads(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { method, path } of mirror.proxy.requests) {
    const name = `${method} ${decodeURIComponent(path).slice(`/${mirror.store.bucket}/`.length)}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const atNodes = <Value>(work: (node: number) => Promise<Value>): Promise<Value[]> =>
  Promise.all(Array.from({ length: NODES }, (_, node) => work(node)));

async function ask(path: string, status = 200, method = 'GET'): Promise<EdgeAnswer> {
  const answer = await client.ask({ path: `/v2/${path}`, method });
  if (answer.status !== status) {
    throw new Error(`${method} ${path} is ${answer.status}, not ${status}: ${answer.body.toString()}`);
  }
  return answer;
}

async function askBytes(path: string, digest: string): Promise<void> {
  const { body } = await ask(path);
  if (digestOf(body) !== digest) throw new Error(`${path} has other bytes than ${digest}.`);
}

/** Asks for all that containerd asks for, in its order. */
async function pull({ repository, index, manifest, streamed, redirected }: LoadedImage): Promise<void> {
  const { headers } = await ask(`${repository}/manifests/${TAG}`, 200, 'HEAD');
  if (headers['docker-content-digest'] !== index) throw new Error(`${repository}:${TAG} is not ${index}.`);
  await askBytes(`${repository}/manifests/${index}`, index);
  await askBytes(`${repository}/manifests/${manifest}`, manifest);
  for (const { digest } of streamed) await askBytes(`${repository}/blobs/${digest}`, digest);
  const { headers: answered } = await ask(`${repository}/blobs/${redirected.digest}`, 307);
  const { pathname } = new URL(answered.location ?? '');
  if (!pathname.endsWith(`/blobs/${redirected.digest.replace(':', '/')}`)) {
    throw new Error(`${redirected.digest} is redirected to ${pathname}.`);
  }
}

const keyOf = (folder: string, digest: string) => `${folder}/${digest.replace(':', '/')}`;

test('200 nodes pull 20 images at once, and the store is asked once for each object that is read whole', async () => {
  const { images } = mirror;
  await atNodes(async (node) => {
    for (let turn = 0; turn < images.length; turn += 1) {
      const image = images[(node + turn) % images.length];
      if (image !== undefined) await pull(image);
    }
  });
  const expected: Record<string, number> = { 'GET lifeboat.json': 1 };
  for (const { repository, index, manifest, streamed, redirected } of images) {
    const root = `GET repositories/${repository}`;
    expected[`${root}/_tags/${TAG}`] = 1;
    for (const digest of [index, manifest]) expected[keyOf(`${root}/_manifests`, digest)] = 1;
    for (const { digest } of [...streamed, redirected]) expected[keyOf(`${root}/_blobs`, digest)] = 1;
    // The bytes of a small blob are streamed, and a stream belongs to one request.
    for (const { digest } of streamed) expected[`GET ${keyOf('blobs', digest)}`] = NODES;
  }
  expect(reads()).toEqual(expected);
});

test('200 nodes that ask at once share one read of a list of tags, of referrers, and of the catalogue', async () => {
  const [image] = mirror.images;
  if (image === undefined) throw new Error('There is no image.');
  await ask('');
  latency.ms = SLOW_MS;
  await atNodes(async (node) => {
    await Promise.all([
      ask(`${TAGGED}/tags/list?n=${node + 1}`),
      ask(`${image.repository}/referrers/${image.index}`),
      ask('_catalog'),
    ]);
  });
  const root = 'GET repositories/';
  expect(reads()).toEqual({
    'GET lifeboat.json': 1,
    [`${root}${TAGGED}/_tags.json`]: 1,
    [keyOf(`${root}${image.repository}/_referrers`, image.index)]: 1,
    'GET state/default/catalog.json': 1,
  });
});

test('200 nodes that miss the same things at once share one read of each, and a miss is not remembered', async () => {
  const absent = `sha256:${'0'.repeat(64)}`;
  const repository = mirror.images[0]?.repository ?? '';
  const missAll = async () =>
    Promise.all([
      ask(`${repository}/manifests/absent`, 404),
      ask(`${repository}/manifests/${absent}`, 404),
      ask(`${repository}/blobs/${absent}`, 404),
      ask(`${repository}/referrers/${absent}`),
      ask('mirror.test/team/absent/tags/list', 404),
    ]);
  await ask('');
  latency.ms = SLOW_MS;
  await atNodes(missAll);
  const root = `GET repositories/${repository}`;
  const missed = (count: number) => ({
    [`${root}/_tags/absent`]: count,
    [keyOf(`${root}/_manifests`, absent)]: count,
    [keyOf(`${root}/_blobs`, absent)]: count,
    [keyOf(`${root}/_referrers`, absent)]: count,
    'GET repositories/mirror.test/team/absent/_tags.json': count,
  });
  expect(reads()).toEqual({ 'GET lifeboat.json': 1, ...missed(1) });
  latency.ms = 0;
  await missAll();
  await pause(50);
  expect(reads()).toEqual({ 'GET lifeboat.json': 1, ...missed(2) });
});
