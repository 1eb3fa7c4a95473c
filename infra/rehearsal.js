/**
 * `node infra/rehearsal.js FOLDER`: runs the bundle in it as its users will, against a registry and a bucket in memory,
 * and keeps what V8 has compiled by then beside it. mirror-job/runtime/node/bundled.js takes that.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBundle } from '../mirror-job/runtime/node/bundled.js';

/** More than are asked for at once, so that some wait for their turn. */
const TAGS = Array.from({ length: 40 }, (_, index) => `1.${index}`);
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** By path, as a registry serves it. @type {Map<string, { type: string, bytes: Buffer, digest?: string }>} */
const upstream = new Map();
/** By path. @type {Map<string, { type: string, bytes: Buffer, etag: string }>} */
const bucket = new Map();

const blobs = ['{}', 'a layer'].map((text) => {
  const bytes = Buffer.from(text);
  const digest = digestOf(bytes);
  upstream.set(`/v2/app/blobs/${digest}`, { type: 'application/octet-stream', bytes });
  return { mediaType: 'application/octet-stream', digest, size: bytes.length };
});
const manifest = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config: blobs[0], layers: [blobs[1]] }),
);
for (const reference of [...TAGS, digestOf(manifest)]) {
  const served = { type: MANIFEST, bytes: manifest, digest: digestOf(manifest) };
  upstream.set(`/v2/app/manifests/${reference}`, served);
}
const list = Buffer.from(JSON.stringify({ name: 'app', tags: TAGS }));
upstream.set('/v2/app/tags/list', { type: 'application/json', bytes: list });

/** @param {Buffer} bytes */
function digestOf(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
async function answer(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const stored = bucket.get(pathname);
  const found = upstream.get(pathname) ?? stored;
  const isGuarded =
    (request.headers['if-none-match'] === '*' && stored !== undefined) ||
    (request.headers['if-match'] !== undefined && request.headers['if-match'] !== stored?.etag);
  if (request.method === 'PUT') {
    const bytes = Buffer.concat(chunks);
    const object = { type: request.headers['content-type'] ?? '', bytes, etag: `"${digestOf(bytes)}"` };
    if (!isGuarded) bucket.set(pathname, object);
    response.writeHead(isGuarded ? 412 : 200, isGuarded ? {} : { ETag: object.etag }).end();
  } else if (searchParams.has('list-type')) {
    response.end('<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>');
  } else if (found === undefined) {
    response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
  } else {
    response.writeHead(200, {
      'Content-Type': found.type,
      'Content-Length': found.bytes.length,
      ...(stored !== undefined && { ETag: stored.etag }),
      ...('digest' in found && { 'Docker-Content-Digest': found.digest }),
    });
    response.end(found.bytes);
  }
}

const server = createServer((request, response) => void answer(request, response));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;

const folder = mkdtempSync(join(tmpdir(), 'lifeboat-rehearsal-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'lifeboat.yaml');
writeFileSync(
  configuration,
  `store:
  endpoint: http://${host}
  bucket: bucket
  accessKeyId: nobody
  secretAccessKey: nothing
upstreams:
  ${host}: { insecure: true, credentials: [] }
images:
  - source: ${host}/app
    tags: ['*']
    referrers: false
`,
);

const [, , target = ''] = process.argv;
const sync = ['sync', '-c', configuration];
// A process of its own: who copies much sets flags of V8's, by which it would refuse what is compiled here.
const filling = spawn(process.execPath, [join(target, 'main.cjs'), ...sync], { stdio: 'inherit' });
// Whoever builds does not wait for ever.
process.once('SIGTERM', () => {
  filling.kill();
  process.exit(1);
});
const [code] = await once(filling, 'exit');
if (code === 0) rehearse();
else process.exitCode = 1;
// Whoever rehearses is done when the run is.
server.unref();

/** A run that finds nothing new, as most do, here in this process. */
function rehearse() {
  server.on('connection', (socket) => socket.unref());
  process.argv.splice(2, Number.POSITIVE_INFINITY, ...sync);
  const { compile } = startBundle(target);
  process.once('exit', (ended) => {
    if (ended !== 0) return;
    const draft = join(target, 'main.cache.new');
    writeFileSync(draft, compile());
    renameSync(draft, join(target, 'main.cache'));
  });
}
