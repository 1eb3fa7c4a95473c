/** The deployed Worker: its entry, with the bindings of wrangler.toml. */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import worker from '../../worker/index.ts';
import { s3Bucket } from './support/bucket.ts';
import { bytesOf, manifestText, putIdentity, putTag } from './support/content.ts';

const ORIGIN = 'https://mirror.example.com';

beforeAll(async () => {
  await env.BUCKET.put('lifeboat.json', '{"version":1,"id":"entry","audience":"public"}');
  await env.BUCKET.put('repositories/quay.io/a/b/_tags.json', '{"name":"quay.io/a/b","tags":["1"]}');
});

afterEach(() => {
  vi.restoreAllMocks();
});

it('the Worker answers from its bucket', async () => {
  const response = await exports.default.fetch('https://mirror.example.com/v2/quay.io/a/b/tags/list');
  expect([response.status, await response.text()]).toEqual([200, '{"name":"quay.io/a/b","tags":["1"]}']);
});

it('a variable that is null is not set, as workerd gives one that its environment lacks', async () => {
  const variables = { ...env, TAG_TTL: null, S3_ENDPOINT: null, S3_2_ENDPOINT: null, S3_2_PUBLIC_URL: null };
  const request = new Request(`${ORIGIN}/v2/quay.io/a/b/tags/list`);
  const response = await worker.fetch(request, { ...variables }, createExecutionContext());
  expect([response.status, await response.text()]).toEqual([200, '{"name":"quay.io/a/b","tags":["1"]}']);
});

it('the Worker answers HEAD with the headers of GET', async () => {
  const url = 'https://mirror.example.com/v2/quay.io/a/b/tags/list';
  const response = await exports.default.fetch(url, { method: 'HEAD' });
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(response.headers.get('content-length')).toBe(
    String(bytesOf('{"name":"quay.io/a/b","tags":["1"]}').length),
  );
  expect(await response.text()).toBe('');
});

it('the Worker refuses a request that would write', async () => {
  const response = await exports.default.fetch('https://mirror.example.com/v2/a/b/blobs/uploads/', {
    method: 'POST',
  });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  expect(await response.json()).toEqual({
    errors: [{ code: 'UNSUPPORTED', message: 'This registry is read-only: POST is not answered.' }],
  });
});

it.each([
  ['GET', '//', 404],
  ['GET', '/v1/_ping', 404],
  ['HEAD', '/v2', 200],
  ['PATCH', '/', 405],
  ['OPTIONS', '/v2/', 405],
])('the edge itself answers %s %s, with the status %i', async (method, path, status) => {
  const request = new Request(`${ORIGIN}${path}`, { method });
  const response = await worker.fetch(request, { ...env }, createExecutionContext());
  expect([response.status, response.headers.get('content-type')]).toEqual([status, 'application/json']);
  await response.arrayBuffer();
});

it('the Worker reads a store over the network, tells its times, and remembers the answer', async () => {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line));
  const bucket = s3Bucket();
  await putIdentity(bucket);
  await putTag(bucket, 'docker.io/library/app', '1', 'a');
  const variables = { ...env, ...bucket.variables };
  const sources = [];
  for (const _ of [1, 2]) {
    const request = new Request(`${ORIGIN}/v2/library/app/manifests/1`);
    const response = await worker.fetch(request, variables, createExecutionContext());
    sources.push(response.headers.get('lifeboat-cache'));
    expect([response.status, await response.text()]).toEqual([200, manifestText('a')]);
  }
  expect(sources).toEqual(['miss', 'hit-memory']);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { kind: 'tag', status: 200, ms: expect.any(Number), storeMs: expect.any(Number), reads: 2 },
    { kind: 'tag', status: 200, ms: expect.any(Number), reads: 0 },
  ]);
});

it('the Worker keeps running after its answer until the data centre’s cache has the object', async () => {
  const bucket = s3Bucket();
  await putIdentity(bucket);
  await putTag(bucket, 'docker.io/library/app', '1', 'a');
  const sources = [];
  // Another object of variables is another isolate's edge, which shares only the data centre's cache.
  for (const _ of [1, 2]) {
    const works: Promise<unknown>[] = [];
    const waitUntil = (work: Promise<unknown>) => void works.push(work);
    const context = { waitUntil, passThroughOnException: () => {}, props: {} };
    const request = new Request(`${ORIGIN}/v2/library/app/manifests/1`);
    const response = await worker.fetch(request, { ...env, ...bucket.variables }, context);
    await response.arrayBuffer();
    expect(works).not.toEqual([]);
    await Promise.all(works);
    sources.push(response.headers.get('lifeboat-cache'));
  }
  expect(sources).toEqual(['miss', 'hit-edge']);
});

it.each([
  ['ANALYTICS', 'a text', 'lifeboat', 'an Analytics Engine dataset'],
  ['ANALYTICS', 'a number', 1, 'an Analytics Engine dataset'],
  ['ANALYTICS', 'null', null, 'an Analytics Engine dataset'],
  ['ANALYTICS', 'the binding of something else', { get: () => undefined }, 'an Analytics Engine dataset'],
  ['MISSES', 'a text', 'lifeboat-misses', 'a Queue'],
  ['MISSES', 'null', null, 'a Queue'],
  ['MISSES', 'the binding of something else', { get: () => undefined }, 'a Queue'],
])('%s that is %s is named in the answer to every request', async (name, _value, binding, wanted) => {
  const request = new Request(`${ORIGIN}/v2/quay.io/a/b/tags/list`);
  const variables = { ...env, [name]: binding };
  const response = await worker.fetch(request, variables, createExecutionContext());
  expect([response.status, await response.json()]).toEqual([
    503,
    {
      errors: [
        {
          code: 'UNAVAILABLE',
          message: `The variable ${name} cannot be used: it is not the binding of ${wanted}.`,
        },
      ],
    },
  ]);
});

it('MISSES gets an image that the bucket lacks, after the answer', async () => {
  const sent: unknown[] = [];
  const variables = { ...env, MISSES: { send: async (...args: unknown[]) => void sent.push(args) } };
  const context = createExecutionContext();
  const request = new Request(`${ORIGIN}/v2/quay.io/a/none/manifests/1`);
  const response = await worker.fetch(request, variables, context);
  expect([response.status, sent]).toEqual([404, []]);
  await response.arrayBuffer();
  await waitOnExecutionContext(context);
  expect(sent).toEqual([[{ reference: 'quay.io/a/none:1' }, { contentType: 'json' }]]);
});

it('ANALYTICS gets a point for each request, in addition to the log line', async () => {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line));
  const points: unknown[] = [];
  const dataset = { writeDataPoint: (point: unknown) => points.push(point) };
  const request = new Request(`${ORIGIN}/v2/_ping`);
  const variables = { ...env, ANALYTICS: dataset };
  const response = await worker.fetch(request, variables, createExecutionContext());
  await response.arrayBuffer();
  expect(points).toEqual([
    { indexes: ['refused'], blobs: ['', '', '', ''], doubles: [404, expect.any(Number), 0] },
  ]);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ kind: 'refused', path: '/v2/_ping' }]);
});
