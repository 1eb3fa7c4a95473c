/** Which requests are misses, under which name, and that a miss costs the client and the store nothing. */
import { beforeEach, expect, it } from 'vitest';
import { r2Bucket, type TestBucket } from '../support/bucket.ts';
import { putBlob, bytesOf, putIdentity, putManifest, putTag } from '../support/content.ts';
import { status } from '../support/faults.ts';
import type { MissBinding } from '../../../worker/misses/miss-queue.ts';
import { ORIGIN, TestEdge } from '../support/test-edge.ts';

const NONE = `sha256:${'ab'.repeat(32)}`;

let bucket: TestBucket;
let sent: string[] = [];
const missBinding: MissBinding = {
  send: async ({ reference }) => void sent.push(reference),
};

beforeEach(async () => {
  sent = [];
  bucket = r2Bucket();
  await putIdentity(bucket);
});

function edge(variables: Record<string, string> = {}): TestEdge {
  return new TestEdge([bucket], { missBinding, variables });
}

it.each([
  ['/v2/library/nginx/manifests/1.27', 'docker.io/library/nginx:1.27'],
  ['/v2/nginx/manifests/1.27', 'docker.io/library/nginx:1.27'],
  [`/v2/quay.io/a/b/manifests/${NONE}`, `quay.io/a/b@${NONE}`],
  ['/v2/a/b/manifests/1?ns=ghcr.io', 'ghcr.io/a/b:1'],
  ['/v2/a/b/manifests/1?ns=registry.test:5000', 'registry.test:5000/a/b:1'],
  ['/v2/localhost_5000/a/manifests/1', 'localhost:5000/a:1'],
  ['//quay.example.com/v2/a/b/manifests/1', 'quay.io/a/b:1'],
])('%s is a miss of %s', async (path, reference) => {
  const url = path.startsWith('//') ? `https:${path}` : `${ORIGIN}${path}`;
  for (const method of ['GET', 'HEAD']) {
    sent = [];
    await putIdentity(bucket);
    const one = edge({ HOSTS: 'quay.example.com=quay.io' });
    const response = await one.request(method, url);
    expect(response.status).toBe(404);
    await response.arrayBuffer();
    await one.settle();
    expect([sent, one.events[0]?.trace.miss, one.refreshFailures]).toEqual([[reference], reference, []]);
  }
});

it('a miss reads the store as often as without a queue, and the answer is the same', async () => {
  const answers = [];
  for (const options of [{}, { missBinding }]) {
    const one = new TestEdge([bucket], options);
    await one.get('/v2/');
    one.takeReads();
    for (const path of ['/v2/a.b/c/manifests/1', `/v2/a.b/c/manifests/${NONE}`]) {
      const response = await one.get(path);
      const headers = [...response.headers].filter(([name]) => name !== 'server-timing');
      answers.push([response.status, await response.text(), headers]);
    }
    await one.settle();
    const start = '1 repositories/a.b/c/';
    expect(one.takeReads()).toEqual([`${start}_tags/1`, `${start}_manifests/sha256/${'ab'.repeat(32)}`]);
  }
  expect(answers.slice(2)).toEqual(answers.slice(0, 2));
  expect(sent.length).toBe(2);
});

it('a name that is asked for many times at once is sent once', async () => {
  const one = edge();
  await Promise.all(Array.from({ length: 100 }, () => one.get('/v2/a.b/c/manifests/1')));
  await one.settle();
  expect(sent).toEqual(['a.b/c:1']);
  expect(one.events.every(({ trace }) => trace.miss === 'a.b/c:1')).toBe(true);
});

it('no client waits for the queue, whatever it does', async () => {
  for (const send of [
    () => new Promise<never>(() => {}),
    () => Promise.reject(new Error('full')),
    () => {
      throw new Error('full');
    },
  ]) {
    await putIdentity(bucket);
    const one = new TestEdge([bucket], { missBinding: { send } });
    expect((await one.get('/v2/a.b/c/manifests/1')).status).toBe(404);
  }
});

it.each([
  ['a tag that is there', '/v2/a.b/app/manifests/1', 200],
  ['a blob that is not there', `/v2/a.b/app/blobs/${NONE}`, 404],
  ['a list that is not there', '/v2/a.b/none/tags/list', 404],
  ['referrers', `/v2/a.b/none/referrers/${NONE}`, 200],
  ['a tag that no tag can be called', '/v2/a.b/app/manifests/.none', 404],
  ['a name that is none', '/v2/a.b/APP/manifests/1', 400],
  ['a digest that is none', '/v2/a.b/app/manifests/sha256:1', 400],
  ['two upstreams', '/v2/app/manifests/1?ns=a.b&ns=c.d', 404],
  ['a path that is none', '/v2/a.b/app', 404],
])('%s is no miss', async (_name, path, expected) => {
  await putTag(bucket, 'a.b/app', '1', 'a');
  const one = edge();
  expect((await one.get(path)).status).toBe(expected);
  await one.settle();
  expect([sent, one.events[0]?.trace.miss]).toEqual([[], undefined]);
});

it('a manifest and a blob that are there are no misses, cold and warm', async () => {
  const manifest = await putManifest(bucket, 'a.b/app', 'a');
  const blob = await putBlob(bucket, 'a.b/app', bytesOf('blob'));
  const one = edge();
  for (const path of [`manifests/${manifest}`, `blobs/${blob}`, `manifests/${manifest}`]) {
    expect((await one.get(`/v2/a.b/app/${path}`)).status).toBe(200);
  }
  await one.settle();
  expect(sent).toEqual([]);
});

it('a warm answer starts no work in the background', async () => {
  await putTag(bucket, 'a.b/app', '1', 'a');
  const one = edge();
  await one.get('/v2/a.b/app/manifests/1');
  await one.settle();
  await one.get('/v2/a.b/app/manifests/1');
  expect([one.backgroundWork, one.events[1]?.trace.source]).toEqual([0, 'memory']);
});

it('an image is no miss while its store fails', async () => {
  const one = edge();
  one.fault = status(500);
  expect((await one.get('/v2/a.b/c/manifests/1')).status).toBe(503);
  await one.settle();
  expect([sent, one.events[0]?.trace.miss]).toEqual([[], undefined]);
});

it('with TAGS off, a tag is no miss, and a digest is one', async () => {
  const one = edge({ TAGS: 'off' });
  expect((await one.get('/v2/a.b/c/manifests/1')).status).toBe(404);
  expect((await one.get(`/v2/a.b/c/manifests/${NONE}`)).status).toBe(404);
  await one.settle();
  expect(sent).toEqual([`a.b/c@${NONE}`]);
});

it('a request that may not read is no miss, so that strangers cannot fill the queue', async () => {
  bucket = r2Bucket();
  await putIdentity(bucket, 'token');
  const digest = await crypto.subtle.digest('SHA-256', bytesOf('secret'));
  const hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const one = edge({ AUDIENCE: 'token', TOKENS: `ci ${hash} a.b/**` });
  const withToken = { authorization: 'Bearer secret' };
  expect((await one.get('/v2/a.b/c/manifests/1')).status).toBe(403);
  expect((await one.get('/v2/c.d/e/manifests/1', withToken)).status).toBe(403);
  expect((await one.get('/v2/a.b/c/manifests/2', withToken)).status).toBe(404);
  await one.settle();
  expect(sent).toEqual(['a.b/c:2']);
  expect(one.events.map(({ trace }) => trace.miss)).toEqual([undefined, undefined, 'a.b/c:2']);
});

it('a miss is in the log without a queue too', async () => {
  const one = new TestEdge([bucket]);
  await one.get('/v2/a/b/manifests/1?ns=ghcr.io');
  expect(one.events[0]?.trace.miss).toBe('ghcr.io/a/b:1');
});

it('hundreds of names fill the queue up to its bound, and every one is in the log', async () => {
  const one = edge();
  for (let number = 0; number < 400; number += 1) await one.get(`/v2/a.b/c/manifests/${number}`);
  await one.settle();
  expect([sent.length, one.events.filter(({ trace }) => trace.miss !== undefined).length]).toEqual([60, 400]);
  expect(one.refreshFailures.length).toBe(1);
});
