/** Every request gets an answer of a registry, and reads only keys of the bucket's layout. */
import * as fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { r2Bucket } from '../support/bucket.ts';
import { putIdentity } from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

const bucket = r2Bucket();
let edge: TestEdge;
beforeAll(async () => {
  await putIdentity(bucket);
  edge = new TestEdge([bucket]);
});

const HEX = 'ab'.repeat(32);
const piece = fc.oneof(
  fc.constantFrom(
    'v2',
    'a',
    'library',
    'docker.io',
    'LOCALHOST',
    'host_5000',
    '',
    '.',
    '..',
    '%2e%2e',
    '%2f',
    '%5c',
    '\\',
    '%00',
    '%',
    '%zz',
    '%ff',
    '_tags',
    '_tags.json',
    '_index.json',
    '_manifests',
    'lifeboat.json',
    'manifests',
    'blobs',
    'tags',
    'list',
    'referrers',
    'uploads',
    '_catalog',
    'latest',
    `sha256:${HEX}`,
    `sha512:${HEX}${HEX}`,
    `sha256:${HEX}/..`,
    'sha256:',
    '[::1]:5000',
    'http:',
    '@',
    ';',
    '🚢',
    'x'.repeat(10_240),
    'a'.repeat(250),
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const endpoint = fc.constantFrom('manifests', 'blobs', 'tags', 'referrers', 'x');
const path = fc.oneof(
  fc.array(piece, { maxLength: 7 }).map((pieces) => `/${pieces.join('/')}`),
  fc.array(piece, { maxLength: 5 }).map((pieces) => `/v2/${pieces.join('/')}`),
  fc.array(piece, { maxLength: 4 }).map((pieces) => `/r/${pieces.join('/')}`),
  fc
    .tuple(fc.array(piece, { minLength: 1, maxLength: 3 }), endpoint, piece)
    .map(([name, kind, last]) => `/v2/${name.join('/')}/${kind}/${last}`),
);
const value = fc.oneof(
  piece,
  fc.integer().map(String),
  fc.constantFrom('http://169.254.169.254/', 'docker.io'),
);
const query = fc
  .array(
    fc.tuple(fc.constantFrom('n', 'last', 'ns', 'artifactType', 'q', 'page', 'tag', 'client', 'x'), value),
    { maxLength: 4 },
  )
  .map((pairs) => pairs.map(([name, text]) => `${name}=${text.replaceAll(/[#&]/g, '')}`).join('&'));
const method = fc.constantFrom(
  'GET',
  'HEAD',
  'GET',
  'HEAD',
  'PUT',
  'DELETE',
  'PATCH',
  'POST',
  'OPTIONS',
  'QUERY',
  'get',
);
const text = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCodePoint(code)),
});
const sentHeaders = fc.dictionary(
  fc.constantFrom(
    'range',
    'if-range',
    'if-none-match',
    'accept',
    'authorization',
    'accept-encoding',
    'x-forwarded-host',
  ),
  fc.oneof(
    text,
    fc.constantFrom('bytes=0-', 'bytes=-1', 'bytes=9-1', `"sha256:${HEX}"`, '*', 'Bearer x', 'Basic eA=='),
  ),
);
const STATUSES = new Set([200, 304, 400, 404, 405, 416]);
const ERROR = /^\{"errors":\[\{"code":"[A-Z_]+","message":"[^\n]{1,1500}\}\]\}$/;
const PAGE = /^<!doctype html><html lang="en">.*<\/html>$/s;
/** The keys that a request may read: those below the layout's own folders. */
const KEY =
  /^1 (?:lifeboat\.json|state\/default\/(?:catalog|last-drill|last-run|overview|runs)\.json|state\/default\/repositories\/(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*\/){1,}[a-z0-9]+(?:[._-]+[a-z0-9]+)*\.json|repositories\/(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*\/){1,}(?:_tags\.json|_tags\/\w[\w.-]{0,127}|_(?:blobs|manifests|referrers)\/(?:sha256\/[0-9a-f]{64}|sha512\/[0-9a-f]{128})))$/;

/** The problems of an answer. */
function problemsOf(response: Response, body: string, isHead: boolean): string[] {
  const { status, headers } = response;
  const problems: string[] = [];
  if (!STATUSES.has(status)) problems.push(`the status ${status}`);
  if (headers.get('cache-control') === null) problems.push('no Cache-Control');
  if ([...headers.values()].some((header) => /[\r\n]/.test(header))) problems.push('a line end in a header');
  if (isHead) return body === '' ? problems : [...problems, 'a body'];
  const length = new TextEncoder().encode(body).length;
  if (headers.get('content-length') !== String(length) && status !== 304) problems.push('a wrong length');
  const isPage = headers.get('content-type')?.startsWith('text/html') === true;
  if (status >= 400 && !(isPage ? PAGE : ERROR).test(body)) problems.push(`the body ${body}`);
  return problems;
}

it('the edge never answers 500, never reads a key outside of the layout, and connects to no other host, whatever the request is', async () => {
  await fc.assert(
    fc.asyncProperty(method, path, query, sentHeaders, async (verb, asked, parameters, sent) => {
      edge.takeReads();
      const url = `https://mirror.example.com${asked}${parameters === '' ? '' : `?${parameters}`}`;
      fc.pre(URL.canParse(url));
      const response = await edge.request(verb, url, sent);
      const body = new TextDecoder().decode(await response.arrayBuffer());
      expect(problemsOf(response, body, verb === 'HEAD')).toEqual([]);
      expect(edge.takeReads().filter((read) => !KEY.test(read) || read.length > 600)).toEqual([]);
    }),
    { numRuns: 1500 },
  );
}, 60_000);

it('the requests of the property above do make the edge read keys', async () => {
  await edge.get('/v2/library/nginx/manifests/latest');
  expect(edge.takeReads().at(-1)).toBe('1 repositories/docker.io/library/nginx/_tags/latest');
});
