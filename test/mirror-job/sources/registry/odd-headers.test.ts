/** A header that the job did not ask for, or does not understand, is named if it matters. */
import { createServer, type RequestListener } from 'node:http';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { parseTag } from '../../../../core/reference.ts';
import { verified } from '../../../../mirror-job/engine/transfer/verify.ts';
import type { RegistrySource } from '../../../../mirror-job/sources/registry/registry-source.ts';
import { close, listen } from '../../../support/http-server.ts';
import { OCI_MANIFEST } from '../../../support/media-types.ts';
import { digestOf } from '../../../support/content.ts';
import { sourceAt } from '../../support/harness.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});

async function sourceOf(handle: RequestListener): Promise<RegistrySource> {
  const server = createServer(handle);
  ends.push(() => close(server));
  return sourceAt(`127.0.0.1:${await listen(server)}`, 'team/app');
}

const one = parseTag('one');
const MANIFEST = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: 'a/b', digest: digestOf(Buffer.from('{}')), size: 2 },
    layers: [],
  }),
);
const digest = parseDigest(digestOf(MANIFEST));
const GZIP = 'The answer has Content-Encoding "gzip", which the job did not ask for.';

test.each([
  ['in quotes', `"${digest}"`],
  ['in capitals', digest.toUpperCase()],
  ['by an algorithm that is not known', `blake3:${digest.slice(7)}`],
])('a tag’s digest that is sent %s is an error that shows it', async (_name, sent) => {
  const source = await sourceOf((_request, response) => {
    response.writeHead(200, { 'content-type': OCI_MANIFEST, 'docker-content-digest': sent }).end(MANIFEST);
  });
  const sentence = `/team/app: manifest one was sent with Docker-Content-Digest "${sent}", which Lifeboat does not understand, so the bytes cannot be compared with it.`;
  await expect(source.manifest(one)).rejects.toThrow(sentence);
  await expect(source.resolve(one)).rejects.toThrow(sentence);
  // This request succeeds, because it has the digest to compare the bytes with.
  expect(await source.manifest(digest)).toMatchObject({ digest });
});

test.each(['', 'identity', 'Identity'])('the Content-Encoding %j counts as none', async (encoding) => {
  const source = await sourceOf((_request, response) => {
    response.writeHead(200, { 'content-encoding': encoding }).end(MANIFEST);
  });
  expect(await source.manifest(one)).toMatchObject({ digest });
});

test('the error for a manifest that is compressed on the way names the encoding', async () => {
  const headers = { 'content-type': OCI_MANIFEST, 'content-encoding': 'gzip' };
  const source = await sourceOf((request, response) => {
    const names = request.url?.endsWith('named') === true && { 'docker-content-digest': digest };
    response.writeHead(200, { ...headers, ...names }).end(gzipSync(MANIFEST));
  });
  await expect(source.manifest(digest)).rejects.toThrow(`not ${digest}. ${GZIP}`);
  await expect(source.manifest(parseTag('named'))).rejects.toThrow(`not ${digest}. ${GZIP}`);
  await expect(source.manifest(one)).rejects.toThrow(`/team/app: manifest one cannot be read. ${GZIP}`);
});

test('the error for a list that is compressed on the way names the encoding', async () => {
  const source = await sourceOf((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"tags":["one"]}'));
  });
  await expect(source.tags()).rejects.toThrow(
    `/team/app: tags/list: the answer is not JSON. ${GZIP} Name the tags that you want instead of patterns: that needs no list.`,
  );
});

test('the error for a token that is compressed on the way names the encoding', async () => {
  const source = await sourceOf((request, response) => {
    if (request.url?.startsWith('/token') === true) {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"token":"good"}'));
      return;
    }
    const realm = `Bearer realm="http://${request.headers.host}/token"`;
    response.writeHead(401, { 'www-authenticate': realm }).end();
  });
  await expect(source.manifest(one)).rejects.toThrow(`which answered 200 without a token. ${GZIP}`);
});

async function read(body: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(new Uint8Array(chunk));
  return Buffer.concat(chunks).toString();
}

const BLOB = Buffer.from('the bytes of a blob, and some more of them, of them, of them');
const blob = parseDigest(digestOf(BLOB));

test('a blob that is compressed on the way is refused because of its length, whole or in part', async () => {
  const source = await sourceOf((request, response) => {
    const packed = gzipSync(BLOB);
    const range =
      request.headers.range === undefined ? {} : { 'content-range': `bytes 0-9/${packed.length}` };
    response.writeHead(request.headers.range === undefined ? 200 : 206, {
      'content-encoding': 'gzip',
      'content-length': packed.length,
      ...range,
    });
    response.end(packed);
  });
  const sentence = `/team/app: blob ${blob} cannot be read. ${GZIP}`;
  await expect(source.blob(blob, BLOB.length, 0)).rejects.toThrow(sentence);
  await expect(source.blob(blob, BLOB.length, 5)).rejects.toThrow(sentence);
  await expect(source.range(blob, BLOB.length, 0, 10)).rejects.toThrow(sentence);
});

/** A registry whose responses are chunked and have no length, and whose Content-Range has `*` for the whole size. */
async function withoutLength(bytes: Buffer): Promise<RegistrySource> {
  return sourceOf((request, response) => {
    const [, start = '', end = ''] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const headers = { 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' };
    if (start === '') {
      response.writeHead(200, headers).end(bytes);
      return;
    }
    const range = { 'content-range': `bytes ${start}-${end}/*` };
    response.writeHead(206, { ...headers, ...range }).end(bytes.subarray(Number(start), Number(end) + 1));
  });
}

test('a blob with a Content-Encoding and without a length is read', async () => {
  const source = await withoutLength(BLOB);
  expect(await read(await source.blob(blob, BLOB.length, 0))).toBe(BLOB.toString());
  expect(await read(await source.blob(blob, BLOB.length, 5))).toBe(BLOB.toString().slice(5));
  const part = await source.range(blob, BLOB.length, 4, 9);
  expect(part !== 'refused' && (await read(part?.body))).toBe('bytes');
});

test.each([
  ['longer', gzipSync(BLOB)],
  ['shorter', gzipSync(BLOB).subarray(0, 10)],
  ['as long', Buffer.alloc(BLOB.length)],
])(
  'a blob that is compressed, whose length is not told, and that is %s: the sentence about its bytes says so',
  async (_name, bytes) => {
    const source = await withoutLength(bytes);
    const body = await source.blob(blob, BLOB.length, 0);
    if (body === undefined) throw new Error('no body');
    const expected = { digest: blob, size: BLOB.length };
    await expect(read(verified(body, expected, source, createHash))).rejects.toThrow(GZIP);
  },
);

test('a blob whose Content-Encoding is that of its layer has the right length, and is read', async () => {
  const source = await sourceOf((request, response) => {
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const part = start === undefined ? BLOB : BLOB.subarray(Number(start), Number(end) + 1);
    const range = start === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${BLOB.length}` };
    const headers = { 'content-encoding': 'gzip', 'content-length': part.length, ...range };
    response.writeHead(start === undefined ? 200 : 206, headers).end(part);
  });
  expect(await read(await source.blob(blob, BLOB.length, 0))).toBe(BLOB.toString());
  expect(await read(await source.blob(blob, BLOB.length, 5))).toBe(BLOB.toString().slice(5));
  const part = await source.range(blob, BLOB.length, 4, 9);
  expect(part !== 'refused' && (await read(part?.body))).toBe('bytes');
});

test('headers of 200 KiB are read, and the error for longer ones names the limit', async () => {
  const source = await sourceOf((request, response) => {
    const isHuge = request.url?.endsWith('huge') === true;
    const policy = 'a'.repeat(isHuge ? 300 * 1024 : 200 * 1024);
    response.writeHead(200, { 'content-security-policy': policy, 'docker-content-digest': digest }).end();
  });
  expect(await source.resolve(one)).toEqual({ digest });
  await expect(source.resolve(parseTag('huge'))).rejects.toThrow(
    'cannot be reached (HPE_HEADER_OVERFLOW). The host sends more than 256 KiB of headers.',
  );
});

test.each([
  ['Negotiate', 'Negotiate'],
  ['Bearer service="s"', 'Bearer service="s"'],
  ['NTLM, Digest realm="r"', 'NTLM, Digest realm="r"'],
])('the error names a challenge that Lifeboat cannot answer: %s', async (challenge, shown) => {
  const source = await sourceOf((_request, response) => {
    response.writeHead(401, { 'www-authenticate': challenge }).end();
  });
  await expect(source.manifest(one)).rejects.toThrow(
    `answered 401 to GET manifests/one. The registry asks for a login in a way that Lifeboat does not know (WWW-Authenticate: ${shown}).`,
  );
});
