/**
 * Gives the right answers: those of a registry's read side over a corpus, by the letter of the specification.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
 */
import { blobOf, digestOf, emptyRepository, type Blob, type Corpus, type Repository } from './content.ts';
import { readJson, referencesOf } from './manifest-json.ts';
import { OCI_INDEX } from './media-types.ts';
import type { RegistryRequest } from './registry-request.ts';

export interface Answer {
  readonly status: number;
  /** Headers with lower-case names. Content-Length is set only here, so a test makes a wrong one here too. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Blob;
}

export interface AnswerOptions {
  /** Whether there is a referrers API. Without it, a request for referrers gets a 404. */
  readonly referrers: boolean;
  /** The largest number of tags in one answer, even if `n` asks for more. */
  readonly pageSize: number;
}

const ERRORS = {
  manifest: ['MANIFEST_UNKNOWN', 'manifest unknown'],
  blob: ['BLOB_UNKNOWN', 'blob unknown'],
  tags: ['NAME_UNKNOWN', 'repository name not known'],
} as const;

export function answerFrom(corpus: Corpus, request: RegistryRequest, options: AnswerOptions): Answer {
  const { kind, repository: name } = request;
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return errorAnswer(405, 'UNSUPPORTED', 'read-only');
  const repository = corpus.repositories.get(name);
  switch (kind) {
    case 'ping':
      return {
        ...jsonAnswer({}),
        headers: { ...jsonAnswer({}).headers, 'docker-distribution-api-version': 'registry/2.0' },
      };
    case 'manifest':
      return manifestAnswer(repository, request.reference);
    case 'blob':
      return blobAnswer(repository, request);
    case 'tags':
      return repository === undefined ? missing('tags') : tagsAnswer(repository, request, options.pageSize);
    case 'referrers':
      return options.referrers
        ? referrersAnswer(repository ?? emptyRepository(), request)
        : textAnswer(404, '404 page not found\n', 'text/plain');
    case 'token':
    case 'other':
      return textAnswer(404, '404 page not found\n', 'text/plain');
  }
}

function manifestAnswer(repository: Repository | undefined, reference: string): Answer {
  const digest = reference.includes(':') ? reference : repository?.tags.get(reference);
  const manifest = digest === undefined ? undefined : repository?.manifests.get(digest);
  if (digest === undefined || manifest === undefined) return missing('manifest');
  return {
    status: 200,
    headers: {
      'content-type': manifest.mediaType,
      'content-length': String(manifest.bytes.length),
      'docker-content-digest': digest,
    },
    body: blobOf(manifest.bytes),
  };
}

function blobAnswer(repository: Repository | undefined, request: RegistryRequest): Answer {
  const blob = repository?.blobs.get(request.reference);
  if (blob === undefined) return missing('blob');
  const headers = {
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    'docker-content-digest': request.reference,
  };
  const range = request.method === 'GET' ? request.headers.range : undefined;
  if (range === undefined) {
    return { status: 200, headers: { ...headers, 'content-length': String(blob.size) }, body: blob };
  }
  const [start, end] = rangeOf(range, blob.size);
  if (start >= end) {
    const answer = errorAnswer(416, 'RANGE_INVALID', 'range not satisfiable');
    return { ...answer, headers: { ...answer.headers, 'content-range': `bytes */${blob.size}` } };
  }
  return {
    status: 206,
    headers: {
      ...headers,
      'content-length': String(end - start),
      'content-range': `bytes ${start}-${end - 1}/${blob.size}`,
    },
    body: { size: end - start, open: (from = 0, to = end - start) => blob.open(start + from, start + to) },
  };
}

/**
 * Returns the position of the first byte, and the position after the last. The span is empty if the blob has none of
 * these bytes.
 */
function rangeOf(header: string, size: number): [number, number] {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (first === '') return last === '' ? [0, 0] : [Math.max(size - Number(last), 0), size];
  return [Number(first), last === '' ? size : Math.min(Number(last) + 1, size)];
}

function tagsAnswer(repository: Repository, request: RegistryRequest, pageSize: number): Answer {
  const wanted = request.query.get('n');
  const size = Math.min(wanted === null ? pageSize : Number(wanted), pageSize);
  const last = request.query.get('last');
  const following = [...repository.tags.keys()].toSorted().filter((tag) => last === null || tag > last);
  const tags = following.slice(0, size);
  const answer = jsonAnswer({ name: request.repository, tags });
  const end = tags.at(-1);
  if (end === undefined || tags.length === following.length) return answer;
  const next = `${request.path}?n=${size}&last=${encodeURIComponent(end)}`;
  return { ...answer, headers: { ...answer.headers, link: `<${next}>; rel="next"` } };
}

function referrersAnswer(repository: Repository, request: RegistryRequest): Answer {
  const wanted = request.query.get('artifactType');
  const manifests = [...repository.manifests].flatMap(([digest, { bytes, mediaType }]) => {
    const json = readJson(bytes);
    const { subject, config, artifactType } = referencesOf(json);
    if (subject?.digest !== request.reference) return [];
    const type = artifactType ?? config?.mediaType;
    if (wanted !== null && type !== wanted) return [];
    return [{ mediaType, digest, size: bytes.length, artifactType: type, annotations: json['annotations'] }];
  });
  const answer = jsonAnswer({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }, OCI_INDEX);
  if (wanted === null) return answer;
  return { ...answer, headers: { ...answer.headers, 'oci-filters-applied': 'artifactType' } };
}

function missing(what: keyof typeof ERRORS): Answer {
  const [code, message] = ERRORS[what];
  return errorAnswer(404, code, message);
}

export function errorAnswer(status: number, code: string, message: string): Answer {
  return { ...jsonAnswer({ errors: [{ code, message, detail: {} }] }), status };
}

export function jsonAnswer(value: unknown, mediaType = 'application/json'): Answer {
  return textAnswer(200, JSON.stringify(value), mediaType);
}

export function textAnswer(status: number, text: string, mediaType: string): Answer {
  return bytesAnswer(status, Buffer.from(text), mediaType);
}

export function bytesAnswer(status: number, bytes: Uint8Array, mediaType: string): Answer {
  return {
    status,
    headers: { 'content-type': mediaType, 'content-length': String(bytes.length) },
    body: blobOf(bytes),
  };
}

/** Answers with these bytes under a tag, as a registry does, with their real digest. */
export function manifestBytesAnswer(bytes: Uint8Array, mediaType: string): Answer {
  const answer = bytesAnswer(200, bytes, mediaType);
  return { ...answer, headers: { ...answer.headers, 'docker-content-digest': digestOf(bytes) } };
}
