/** The examination of a good edge, and changes to it. */
import type {
  Answer,
  BlobReplies,
  BucketObservation,
  Examination,
  ImageReplies,
  RegistryReplies,
  Reply,
} from '../../../cluster/doctor/observation.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const DIGEST = `sha256:${'1'.repeat(64)}`;
const CHILD = `sha256:${'2'.repeat(64)}`;
const BLOB = `sha256:${'3'.repeat(64)}`;
const RANGE = `sha256:${'4'.repeat(64)}`;
export const AT = '2026-11-29T12:00:00.000Z';
export const NOW = Date.parse(AT);
export const MINUTE_MS = 60_000;

/** Changes to an answer. */
export interface Change {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly start?: string;
  readonly bytes?: number;
  readonly digest?: string;
  readonly isWhole?: boolean;
  readonly firstByteMs?: number;
}

export function reply(asked: string, change: Change = {}): Answer {
  const {
    status = 200,
    headers = {},
    start = '',
    bytes = 500,
    digest,
    isWhole = true,
    firstByteMs = 20,
  } = change;
  return { kind: 'answer', asked, status, headers, firstByteMs, body: { bytes, digest, start, isWhole } };
}

export function failure(asked: string): Reply {
  return { kind: 'failure', asked, reason: 'closed', detail: 'ECONNRESET' };
}

const JSON_TYPE = { 'content-type': 'application/json' };

export function errorReply(asked: string, status: number, code: string): Answer {
  return reply(asked, {
    status,
    headers: JSON_TYPE,
    start: JSON.stringify({ errors: [{ code, message: 'no' }] }),
  });
}

function manifestHeaders(type: string, digest: string) {
  return { 'content-type': type, 'docker-content-digest': digest, 'content-length': '500' };
}

function pair(reference: string, type: string, digest: string) {
  const headers = manifestHeaders(type, digest);
  return {
    head: reply(`HEAD /v2/docker.io/library/app/manifests/${reference}`, { headers, bytes: 0 }),
    get: reply(`GET /v2/docker.io/library/app/manifests/${reference}`, { headers, digest }),
  };
}

const named = (path: string) =>
  reply(`HEAD ${path}`, { headers: { ...manifestHeaders(INDEX, DIGEST), 'oci-namespace': 'docker.io' } });

const SIGNED = { atMs: NOW - MINUTE_MS, lifetimeMs: 20 * MINUTE_MS };

const BLOB_REPLIES: BlobReplies = {
  digest: BLOB,
  size: 100_000,
  head: reply('HEAD /v2/docker.io/library/app/blobs/sha256:3', { headers: { 'content-length': '100000' } }),
  get: reply('GET /v2/docker.io/library/app/blobs/sha256:3', {
    status: 307,
    headers: { location: 'https://s3.example.com/x' },
  }),
  getAuthorized: reply('GET /v2/docker.io/library/app/blobs/sha256:3', { status: 307 }),
  last: reply('GET of a blob at s3.example.com', { bytes: 100_000, digest: BLOB }),
  range: {
    reply: reply('GET of a blob at s3.example.com', {
      status: 206,
      headers: { 'content-range': 'bytes 50000-51023/100000' },
      digest: RANGE,
    }),
    first: 50_000,
    last: 51_023,
    digest: RANGE,
  },
  target: { host: 's3.example.com', isNear: false, signed: SIGNED, givenAtMs: NOW },
};

const IMAGE: ImageReplies = {
  reference: 'docker.io/library/app:1',
  namedBy: 'the command line',
  tag: { name: '1', ...pair('1', INDEX, DIGEST) },
  tags: reply('GET /v2/docker.io/library/app/tags/list', { headers: JSON_TYPE }),
  manifest: { digest: DIGEST, mediaType: INDEX, ...pair(DIGEST, INDEX, DIGEST) },
  child: { digest: CHILD, mediaType: MANIFEST, ...pair(CHILD, MANIFEST, CHILD) },
  referrers: reply('GET /v2/docker.io/library/app/referrers/sha256:1', {
    headers: { 'content-type': INDEX },
  }),
  names: {
    ns: named('/v2/library/app/manifests/1?ns=docker.io'),
    prefixAndNs: named('/v2/docker.io/library/app/manifests/1?ns=docker.io'),
    defaultUpstream: named('/v2/library/app/manifests/1'),
  },
  blob: BLOB_REPLIES,
};

const REGISTRY: RegistryReplies = {
  absentManifest: errorReply('GET of a tag that does not exist', 404, 'MANIFEST_UNKNOWN'),
  absentBlob: errorReply('GET of a blob that does not exist', 404, 'BLOB_UNKNOWN'),
  write: errorReply('POST /v2/docker.io/library/app/blobs/uploads/', 405, 'UNSUPPORTED'),
  image: IMAGE,
};

const BUCKET: BucketObservation = {
  name: 'the bucket "lifeboat"',
  audience: 'public',
  configuredAudience: 'public',
  conditions: 'honoured',
  image: { tag: { digest: DIGEST, movedMs: NOW - 60 * MINUTE_MS }, hasManifest: true },
  edgeKey: { get: 'allowed', list: 'allowed', write: 'refused' },
};

export const GOOD: Examination = {
  url: 'https://mirror.example.com',
  at: AT,
  hasToken: false,
  wantsChallenge: false,
  ping: reply('GET /v2/', { headers: JSON_TYPE, start: '{}' }),
  pingWithToken: undefined,
  health: reply('GET /healthz', {
    headers: JSON_TYPE,
    start: '{"live":true,"stores":[{"store":1,"last":"answered"}]}',
  }),
  catalog: reply('GET /v2/_catalog', {
    headers: JSON_TYPE,
    start: '{"repositories":["docker.io/library/app"]}',
  }),
  plain: { kind: 'failure', asked: 'GET http://…/v2/', reason: 'refused', detail: 'ECONNREFUSED' },
  certificate: { validUntil: '2027-01-28T12:00:00.000Z', issuer: 'An Authority' },
  clocks: { edgeAheadMs: 0, storeAheadMs: 0 },
  registry: REGISTRY,
  bucket: BUCKET,
};

export function withRegistry(change: Partial<RegistryReplies>): Examination {
  return { ...GOOD, registry: { ...REGISTRY, ...change } };
}

export function withImage(change: Partial<ImageReplies>): Examination {
  return withRegistry({ image: { ...IMAGE, ...change } });
}

export function withBlob(change: Partial<BlobReplies>): Examination {
  return withImage({ blob: { ...BLOB_REPLIES, ...change } });
}

export function withBucket(change: Partial<BucketObservation>): Examination {
  return { ...GOOD, bucket: { ...BUCKET, ...change } };
}

/** The same headers without one, for both replies of the tag. */
export function withTagHeaders(change: Readonly<Record<string, string | undefined>>): Examination {
  const headers = Object.fromEntries(
    Object.entries({ ...manifestHeaders(INDEX, DIGEST), ...change }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
  const { head, get } = pair('1', INDEX, DIGEST);
  return withImage({ tag: { name: '1', head: { ...head, headers }, get: { ...get, headers } } });
}

export const TAG = pair('1', INDEX, DIGEST);
export const CHILD_REPLIES = pair(CHILD, MANIFEST, CHILD);
export { BLOB_REPLIES, CHILD, INDEX, SIGNED };
