/** Describes the faults of registries, proxies and networks as values. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { bytesAnswer, jsonAnswer, manifestBytesAnswer, textAnswer, type Answer } from './corpus-answer.ts';
import { blobOf, bytesOf, digestOf, joinBlobs, type Blob } from './content.ts';
import { DOCKER_SCHEMA1, OCI_INDEX, OCI_MANIFEST } from './media-types.ts';
import type { RegistryRequest } from './registry-request.ts';

export type Misbehaviour =
  /** Answers with an error. Without `body`, the body is that of the specification. */
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Headers; readonly body?: string }
  /** Answers 200 with a login page. */
  | { readonly kind: 'html' }
  /** Accepts the request and never answers. */
  | { readonly kind: 'hang' }
  /** Sends headers and this many bytes of the body, and then nothing on an open connection. */
  | { readonly kind: 'stall'; readonly after: number }
  /** Sends headers and this many bytes of the body, and then closes the connection. */
  | { readonly kind: 'close'; readonly after: number }
  /** Sends one byte of the right body every `every` milliseconds. */
  | { readonly kind: 'drip'; readonly every: number }
  /** Sends the right answer this many milliseconds late. */
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** Sends a body of the right length, in which one bit is wrong. */
  | { readonly kind: 'wrong-bytes' }
  /**
   * Sends `by` bytes too few. If `honest`, Content-Length says so. Otherwise Content-Length is that of the right body,
   * and the connection closes early.
   */
  | { readonly kind: 'short'; readonly by: number; readonly honest: boolean }
  /** Sends `by` bytes too many. If `honest`, Content-Length says so. Otherwise the body is chunked. */
  | { readonly kind: 'long'; readonly by: number; readonly honest: boolean }
  /** Sends the right body compressed, with the header that says so, though nobody asked for it. */
  | { readonly kind: 'gzip' }
  /** Sends the right body without Content-Length. */
  | { readonly kind: 'chunked' }
  /** Sends the right answer without some headers, or with other values of them. */
  | { readonly kind: 'headers'; readonly omit?: readonly string[]; readonly set?: Headers }
  /** Sends another manifest in place of the right one, with the digest of its own bytes. */
  | { readonly kind: 'manifest'; readonly bytes: Uint8Array; readonly mediaType: string }
  /** Sends a valid manifest of more than 4 MiB. */
  | { readonly kind: 'huge-manifest' }
  | { readonly kind: 'unknown-media-type' }
  | { readonly kind: 'schema1' }
  /** Sends an index with one child, whose digest differs in each answer, so that a walk without a bound never ends. */
  | { readonly kind: 'endless-index' }
  /** Answers 307 to any address. */
  | { readonly kind: 'redirect'; readonly location: string }
  /** Answers 307 to the same URL. */
  | { readonly kind: 'redirect-loop' }
  /** Answers 307 to the registry's second host, which serves the same content without authentication. */
  | { readonly kind: 'redirect-elsewhere' }
  /** Sends the answer to another tag or digest, as if a tag moved between HEAD and GET. */
  | { readonly kind: 'instead'; readonly reference: string }
  /** Sends this list of tags. `next` becomes the Link. */
  | { readonly kind: 'tags'; readonly tags: readonly string[]; readonly next?: string }
  /** Sends the right page with a Link to itself. */
  | { readonly kind: 'page-loop' };

type Headers = Readonly<Record<string, string>>;

/** An answer on the wire: its status, headers and body, and the position at which it breaks off. */
export interface Delivery {
  readonly answer: Answer;
  readonly cut?: { readonly after: number; readonly ending: 'stall' | 'close' };
}

const CODES: Readonly<Record<number, string>> = {
  400: 'UNKNOWN',
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'MANIFEST_UNKNOWN',
  405: 'UNSUPPORTED',
  429: 'TOOMANYREQUESTS',
};

/**
 * Changes the right answer. Faults that concern the time or the request are left to the server.
 * @param elsewhere the registry's second host
 */
export function spoil(
  answer: Answer,
  request: RegistryRequest,
  misbehaviour: Misbehaviour,
  elsewhere: string,
): Delivery {
  switch (misbehaviour.kind) {
    case 'hang':
    case 'delay':
    case 'instead':
      return { answer };
    case 'status':
      return { answer: statusAnswer(misbehaviour) };
    case 'html':
      return { answer: textAnswer(200, '<!doctype html><title>Log in</title>', 'text/html; charset=utf-8') };
    case 'stall':
    case 'close':
      return { answer, cut: { after: misbehaviour.after, ending: misbehaviour.kind } };
    case 'drip':
      return { answer: { ...answer, body: dripping(answer.body, misbehaviour.every) } };
    case 'wrong-bytes':
      return { answer: { ...answer, body: flipped(answer.body) } };
    case 'short':
      return shortened(answer, misbehaviour.by, misbehaviour.honest);
    case 'long':
      return { answer: lengthened(answer, misbehaviour.by, misbehaviour.honest) };
    case 'gzip':
      return { answer: compressed(answer) };
    case 'chunked':
      return { answer: without(answer, ['content-length']) };
    case 'headers': {
      const rest = without(answer, misbehaviour.omit ?? []);
      return { answer: { ...rest, headers: { ...rest.headers, ...misbehaviour.set } } };
    }
    case 'manifest':
      return { answer: manifestBytesAnswer(misbehaviour.bytes, misbehaviour.mediaType) };
    case 'huge-manifest':
      return { answer: manifestBytesAnswer(hugeManifest(), OCI_MANIFEST) };
    case 'unknown-media-type': {
      const set = { 'content-type': 'application/vnd.example.unknown+json' };
      return { answer: { ...answer, headers: { ...answer.headers, ...set } } };
    }
    case 'schema1':
      return { answer: manifestBytesAnswer(schema1(request), DOCKER_SCHEMA1) };
    case 'endless-index':
      return { answer: endlessIndex(request) };
    case 'redirect':
      return { answer: redirectAnswer(misbehaviour.location) };
    case 'redirect-loop':
      return { answer: redirectAnswer(`http://${request.host}${request.path}`) };
    case 'redirect-elsewhere':
      // The second host serves the content, because another redirect would be a loop.
      if (request.host === elsewhere || answer.status >= 400) return { answer };
      return { answer: redirectAnswer(`http://${elsewhere}${request.path}`) };
    case 'tags': {
      const list = jsonAnswer({ name: request.repository, tags: misbehaviour.tags });
      return { answer: misbehaviour.next === undefined ? list : linked(list, misbehaviour.next) };
    }
    case 'page-loop':
      return { answer: linked(answer, `${request.path}?${request.query.toString()}`) };
  }
}

function redirectAnswer(location: string): Answer {
  const answer = bytesAnswer(307, Buffer.alloc(0), 'text/plain');
  return { ...answer, headers: { ...answer.headers, location } };
}

function linked(answer: Answer, next: string): Answer {
  return { ...answer, headers: { ...answer.headers, link: `<${next}>; rel="next"` } };
}

function statusAnswer({ status, headers, body }: Misbehaviour & { readonly kind: 'status' }): Answer {
  const code = CODES[status] ?? 'UNKNOWN';
  const text = body ?? JSON.stringify({ errors: [{ code, message: `told to answer ${status}` }] });
  const answer = textAnswer(status, text, 'application/json');
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

function without(answer: Answer, names: readonly string[]): Answer {
  const lower = new Set(names.map((name) => name.toLowerCase()));
  return {
    ...answer,
    headers: Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !lower.has(name))),
  };
}

function flipped(body: Blob): Blob {
  return {
    size: body.size,
    async *open(start = 0, end = body.size) {
      let position = start;
      for await (const chunk of body.open(start, end)) {
        const copy = Buffer.from(chunk);
        if (position === 0 && copy.length > 0) copy.writeUInt8(copy.readUInt8(0) ^ 1, 0);
        position += copy.length;
        yield copy;
      }
    },
  };
}

function compressed(answer: Answer): Answer {
  const body: Blob = {
    size: answer.body.size,
    async *open() {
      yield gzipSync(await bytesOf(answer.body));
    },
  };
  // The length of the compressed bytes is not known before they are made.
  const { headers } = without(answer, ['content-length']);
  return { ...answer, headers: { ...headers, 'content-encoding': 'gzip' }, body };
}

function dripping(body: Blob, every: number): Blob {
  return {
    size: body.size,
    async *open(start = 0, end = body.size) {
      for await (const chunk of body.open(start, end)) {
        for (const [index] of chunk.entries()) {
          yield chunk.subarray(index, index + 1);
          await setTimeout(every);
        }
      }
    },
  };
}

function shortened(answer: Answer, by: number, honest: boolean): Delivery {
  const size = Math.max(answer.body.size - by, 0);
  if (!honest) return { answer, cut: { after: size, ending: 'close' } };
  const body: Blob = { size, open: (start = 0, end = size) => answer.body.open(start, Math.min(end, size)) };
  return { answer: { ...answer, body, headers: { ...answer.headers, 'content-length': String(size) } } };
}

function lengthened(answer: Answer, by: number, honest: boolean): Answer {
  const body = joinBlobs([answer.body, blobOf(Buffer.alloc(by, 'x'))]);
  if (!honest) return { ...without(answer, ['content-length']), body };
  return { ...answer, body, headers: { ...answer.headers, 'content-length': String(body.size) } };
}

function hugeManifest(): Buffer {
  const empty = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: digestOf(Buffer.from('{}')),
    size: 2,
  };
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: empty,
      layers: [empty],
      annotations: { padding: 'x'.repeat(4 * 1024 * 1024) },
    }),
  );
}

function schema1(request: RegistryRequest): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 1,
      name: request.repository,
      tag: request.reference,
      architecture: 'amd64',
      fsLayers: [{ blobSum: digestOf(Buffer.from('layer')) }],
      history: [{ v1Compatibility: '{"id":"0"}' }],
      signatures: [],
    }),
  );
}

function endlessIndex(request: RegistryRequest): Answer {
  const child = { mediaType: OCI_INDEX, digest: digestOf(Buffer.from(randomUUID())), size: 300 };
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [child] }));
  const answer = manifestBytesAnswer(bytes, OCI_INDEX);
  if (!request.reference.includes(':')) return answer;
  return { ...answer, headers: { ...answer.headers, 'docker-content-digest': request.reference } };
}
