/** The deployed Worker: its entry, with the bindings of wrangler.toml. */
import { env, exports } from 'cloudflare:workers';
import { beforeAll, expect, it } from 'vitest';
import { bytesOf } from './support/content.ts';

beforeAll(async () => {
  await env.BUCKET.put('lifeboat.json', '{"version":1,"id":"entry","audience":"public"}');
  await env.BUCKET.put('repositories/quay.io/a/b/_tags.json', '{"name":"quay.io/a/b","tags":["1"]}');
});

it('the Worker answers from its bucket', async () => {
  const response = await exports.default.fetch('https://mirror.example.com/v2/quay.io/a/b/tags/list');
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
