/** Pulls one blob: HEAD, GET, the redirect, a range, and what becomes of a login. */
import { createHash } from 'node:crypto';
import type { BlobReplies, RedirectTarget } from '../../cluster/doctor/observation.ts';
import { isSuccess } from '../../cluster/doctor/reply.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import type { Repository } from '../../core/reference.ts';
import type { Edge } from './edge.ts';
import { followRedirects, locationIn } from './redirect.ts';
import type { Got, Question, Requester } from './requester.ts';

export interface BlobLimits {
  /** A larger blob is not read. */
  readonly maxBytes: number;
  /** For the whole body of a blob. */
  readonly bodyMs: number;
}

/** A body that was compressed on its way may be a little longer. */
const MAX_MORE_BYTES = 65_536;
const RANGE_BYTES = 1024;

export async function pullBlob(
  repository: Repository,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  {
    edge,
    requester,
    limits,
  }: { readonly edge: Edge; readonly requester: Requester; readonly limits: BlobLimits },
): Promise<BlobReplies> {
  const first = Math.floor(size / 2);
  const last = Math.min(first + RANGE_BYTES, size) - 1;
  const reading: Partial<Question> = {
    maxBytes: size + MAX_MORE_BYTES,
    keep: { first, last },
    bodyMs: limits.bodyMs,
  };
  const { reply: head } = await edge.blob('HEAD', repository, digest);
  const givenAtMs = Date.now();
  const got = await edge.blob('GET', repository, digest, reading);
  const location = locationIn(got.reply, edge.url);
  const target = location === undefined ? undefined : targetOf(location, edge.url, givenAtMs);
  const algorithm = digest.startsWith('sha512:') ? 'sha512' : 'sha256';
  const follow = (from: URL, options: Partial<Question>): Promise<Got> =>
    followRedirects(requester, from, { ...reading, ...options, algorithm });
  const whole = location === undefined ? got : await follow(location, {});
  const range = { range: `bytes=${first}-${last}` };
  const part =
    location === undefined
      ? await edge.blob('GET', repository, digest, { ...reading, headers: range })
      : await follow(location, { headers: range });
  // A public edge ignores the login, and any text does.
  const authorized = await edge.blob('GET', repository, digest, {
    dropsBody: true,
    headers: { authorization: edge.authorization },
  });
  const isKnown = isSuccess(whole.reply) && whole.reply.body.digest === digest;
  return {
    digest,
    size,
    head,
    get: got.reply,
    getAuthorized: authorized.reply,
    last: whole.reply,
    range: {
      reply: part.reply,
      first,
      last,
      digest: isKnown ? `${algorithm}:${createHash(algorithm).update(whole.kept).digest('hex')}` : undefined,
    },
    target,
  };
}

function targetOf(location: URL, edge: string, givenAtMs: number): RedirectTarget {
  const { hostname } = new URL(edge);
  return {
    host: location.host,
    isNear: location.hostname === hostname || location.hostname.endsWith(`.${hostname}`),
    signed: signatureOf(location),
    givenAtMs,
  };
}

/** Reads when a presigned address was signed, and for how long. */
function signatureOf({ searchParams }: URL): RedirectTarget['signed'] {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(searchParams.get('X-Amz-Date') ?? '') ?? [];
  const seconds = searchParams.get('X-Amz-Expires') ?? '';
  if (year === undefined || !/^\d+$/.test(seconds)) return undefined;
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return { atMs, lifetimeMs: 1000 * Number(seconds) };
}
