/** The faults of registries, proxies and networks, as values. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { bytesAnswer, jsonAnswer, manifestBytesAnswer, textAnswer, type Answer } from './corpus-answer.ts';
import { blobOf, digestOf, joinBlobs, type Blob } from './content.ts';
import { DOCKER_SCHEMA1, OCI_INDEX, OCI_MANIFEST } from './media-types.ts';
import type { RegistryRequest } from './registry-request.ts';

export type Misbehaviour =
  /** An error. The default body is the specification's. */
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Headers; readonly body?: string }
  /** 200 with a login page. */
  | { readonly kind: 'html' }
  /** Accepts the request and never answers. */
  | { readonly kind: 'hang' }
  /** Headers and this many bytes of the body, then silence on an open connection. */
  | { readonly kind: 'stall'; readonly after: number }
  /** Headers and this many bytes of the body, then a closed connection. */
  | { readonly kind: 'close'; readonly after: number }
  /** A byte of the right body every so many milliseconds. */
  | { readonly kind: 'drip'; readonly every: number }
  /** The right answer, this many milliseconds late. */
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** A body of the right length, in which one bit is wrong. */
  | { readonly kind: 'wrong-bytes' }
  /**
   * `by` bytes too few. If it is honest, Content-Length says so. Otherwise Content-Length is that of the right body, and
   * the connection closes early.
   */
  | { readonly kind: 'short'; readonly by: number; readonly honest: boolean }
  /** `by` bytes too many. If it is honest, Content-Length says so. Otherwise the body is chunked. */
  | { readonly kind: 'long'; readonly by: number; readonly honest: boolean }
  /** The right body without Content-Length. */
  | { readonly kind: 'chunked' }
  /** The right answer without these headers, or with others. */
  | { readonly kind: 'headers'; readonly omit?: readonly string[]; readonly set?: Headers }
  /** Another manifest in place of the right one, with the digest of its own bytes. */
  | { readonly kind: 'manifest'; readonly bytes: Uint8Array; readonly mediaType: string }
  /** A valid manifest of more than 4 MiB. */
  | { readonly kind: 'huge-manifest' }
  | { readonly kind: 'unknown-media-type' }
  | { readonly kind: 'schema1' }
  /** An index with one child, which has another name in each answer, so that a walk without a bound never ends. */
  | { readonly kind: 'endless-index' }
  /** 307 to any place. */
  | { readonly kind: 'redirect'; readonly location: string }
  /** 307 to the same URL. */
  | { readonly kind: 'redirect-loop' }
  /** 307 to the registry's second host, which serves the same content without authentication. */
  | { readonly kind: 'redirect-elsewhere' }
  /** The answer to another tag or digest, as when a tag moves between HEAD and GET. */
  | { readonly kind: 'instead'; readonly reference: string }
  /** This list of tags. `next` becomes the Link. */
  | { readonly kind: 'tags'; readonly tags: readonly string[]; readonly next?: string }
  /** The right page with a Link to itself. */
  | { readonly kind: 'page-loop' };

type Headers = Readonly<Record<string, string>>;

/** An answer on the wire: its status, headers and body, and where it breaks off. */
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
 * Changes the right answer. The server itself plays the faults that concern the time or the request.
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
    case 'chunked':
      return { answer: without(answer, ['content-length']) };
    case 'headers': {
      const kept = without(answer, misbehaviour.omit ?? []);
      return { answer: { ...kept, headers: { ...kept.headers, ...misbehaviour.set } } };
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
      // The second host serves it, because another redirect would be a loop.
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
