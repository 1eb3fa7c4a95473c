/** Judges blobs: the edge's own answer, and the store that a redirect leads to. */
import { isRedirect, signingAheadMs } from './connection.ts';
import { fine, problem, skipped, type Check, type Finding } from './finding.ts';
import { isLooked, type BlobReplies, type Examination, type RedirectTarget } from './observation.ts';
import { skipAll } from './registry.ts';
import { describeFailure, describeReply, isUsable } from './reply.ts';

const CHECKS_OF_BLOBS: readonly Check[] = [
  'blob-head',
  'blob-missing',
  'store',
  'blob-bytes',
  'range',
  'authorization',
  'lifetime',
];

const MINUTE_MS = 60_000;
/** A node may wait before it follows: a redirect that ends sooner is one that some clients are late for. */
const MIN_LEFT_MS = MINUTE_MS;
/** The address must end by then, because everybody who has it can read the object. The edge's own ends after 20 minutes. */
const MAX_LEFT_MS = 60 * MINUTE_MS;

export function judgeBlobs({ registry, clocks }: Examination): Finding[] {
  if (registry === undefined) return skipAll(CHECKS_OF_BLOBS, 'the edge was not asked for images');
  const { image } = registry;
  if (!isLooked(image)) return skipAll(CHECKS_OF_BLOBS, image.notLooked);
  const { blob } = image;
  if (!isLooked(blob)) return skipAll(CHECKS_OF_BLOBS, blob.notLooked);
  const left = leftOf(blob.target, signingAheadMs(clocks));
  const hasEnded = left !== undefined && left <= 0;
  return [
    judgeHead(blob),
    judgeMissing(blob),
    judgeStore(blob, hasEnded),
    judgeBytes(blob),
    judgeRange(blob),
    judgeAuthorization(blob),
    judgeLifetime(blob, left),
  ];
}

/** How long a presigned address is good after the edge gave it; undefined if that is not known. */
function leftOf(target: RedirectTarget | undefined, aheadMs: number | undefined): number | undefined {
  if (target?.signed === undefined || aheadMs === undefined) return undefined;
  return target.signed.atMs + target.signed.lifetimeMs - (target.givenAtMs + aheadMs);
}

function judgeHead({ head }: BlobReplies): Finding {
  if (isRedirect(head)) {
    return problem(
      'blob-head',
      `${head.asked} got a redirect`,
      'a signed address is good for one method, so the store refuses the HEAD that follows',
      'the edge answers every HEAD itself: look for what answers in its place',
    );
  }
  if (!isUsable(head)) return skipped('blob-head', `HEAD of a blob ${describeReply(head)}`);
  if (head.status === 200) return fine('blob-head', 'HEAD of a blob is answered without a redirect');
  if (head.status === 404) return skipped('blob-head', 'HEAD of a blob got 404');
  return problem(
    'blob-head',
    `${head.asked} ${describeReply(head)}`,
    'clients ask for the size first',
    'let HEAD through to the edge',
  );
}

function judgeMissing({ get, head }: BlobReplies): Finding {
  if (isRedirect(get)) return fine('blob-missing', 'the edge knows the blobs that the manifest names');
  if (!isUsable(get)) return skipped('blob-missing', `GET of a blob ${describeReply(get)}`);
  if (get.status === 200) return fine('blob-missing', 'the edge knows the blobs that the manifest names');
  return problem(
    'blob-missing',
    `${get.asked} ${describeReply(get)}${head.kind === 'answer' && head.status !== get.status ? `, and HEAD got ${head.status}` : ''}`,
    'the manifest names the blob, and CRI-O, podman and skopeo, which stay with the mirror that gave the manifest, fail without it',
    'run "lifeboat sync", and look at its scrub: a blob is lost, or edge and job have different buckets',
  );
}

const BLOBS_LOST =
  'CRI-O, podman and skopeo stay with the mirror that gave the manifest, and fail without the blob. containerd, Docker and BuildKit ask the upstream';
const RENEW =
  'the edge gives at least 5 minutes: look for a cache that keeps its redirects (they say no-store), and at its clock';

function judgeStore({ get, last, target }: BlobReplies, hasEnded: boolean): Finding {
  if (target === undefined) {
    return isUsable(get)
      ? fine('store', 'this blob comes through the edge itself, so nodes need no way to the store for it')
      : skipped('store', 'the store: no blob was answered');
  }
  if (hasEnded) {
    return problem(
      'store',
      `the store at ${target.host} refuses the address that the edge gave, because it had ended already`,
      BLOBS_LOST,
      RENEW,
    );
  }
  const next = `let the nodes reach ${target.host}, or set BLOBS = stream at the edge`;
  if (last.kind === 'failure') {
    return problem(
      'store',
      `the edge redirects to ${target.host}, which cannot be reached from here: ${describeFailure(last)}`,
      BLOBS_LOST,
      next,
    );
  }
  if (last.status === 404) {
    return problem(
      'store',
      `the store at ${target.host} does not have the bytes of a blob (404)`,
      BLOBS_LOST,
      'run "lifeboat sync": it finds blobs that a store has lost, and copies them again',
    );
  }
  if (last.status !== 200) {
    const code = /<Code>\s*(\w+)\s*</.exec(last.body.start)?.[1];
    return problem(
      'store',
      `the store at ${target.host} refuses the address that the edge gave: ${last.status}${code === undefined ? '' : ` ${code}`}`,
      BLOBS_LOST,
      "check the edge's key (S3_ACCESS_KEY_ID), S3_REGION and the clocks; PUBLIC_URL, if that is where it leads",
    );
  }
  return fine('store', `blobs come from ${target.host}, which can be reached from here`);
}

function judgeBytes({ last, digest, size }: BlobReplies): Finding {
  if (last.kind === 'failure' || last.status !== 200)
    return skipped('blob-bytes', 'the bytes of a blob: they were not answered');
  // A compressed body is named by its own check.
  if ((last.headers['content-encoding'] ?? 'identity') !== 'identity') {
    return skipped('blob-bytes', 'the bytes of a blob: they came compressed');
  }
  const { body } = last;
  if (body.isWhole && body.digest === digest)
    return fine('blob-bytes', `a blob of ${formatSize(size)} has the bytes that its digest names`);
  return problem(
    'blob-bytes',
    body.isWhole
      ? `${last.asked} gives bytes that do not have the digest`
      : `${last.asked} broke off after ${formatSize(body.bytes)} of ${formatSize(size)}`,
    'no client takes them, and CRI-O, podman and skopeo do not ask elsewhere',
    'look for what changes or limits large answers on the way; if nothing does, run "lifeboat sync", whose scrub finds damaged blobs',
  );
}

function formatSize(bytes: number): string {
  return bytes < 1000
    ? `${bytes} B`
    : bytes < 999_500
      ? `${Math.round(bytes / 1000)} kB`
      : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** containerd goes on in the middle of a blob, and asks the next host if it cannot. */
function judgeRange({ range: { reply, first, last, digest }, last: whole, size }: BlobReplies): Finding {
  if (whole.kind === 'failure' || whole.status !== 200)
    return skipped('range', 'a part of a blob: the whole was not answered');
  if (reply.kind === 'failure') return skipped('range', `a part of a blob ${describeReply(reply)}`);
  const expected = `bytes ${first}-${last}/${size}`;
  const isRight =
    reply.status === 206 &&
    reply.headers['content-range'] === expected &&
    (digest === undefined || reply.body.digest === digest);
  if (isRight) return fine('range', 'a part of a blob gets 206, so a transfer that broke off is resumed');
  const says =
    reply.status !== 206
      ? `${reply.asked} with a Range got ${reply.status} instead of 206`
      : reply.headers['content-range'] === expected
        ? `${reply.asked} with a Range got other bytes`
        : `${reply.asked} with a Range got the Content-Range "${reply.headers['content-range'] ?? ''}" instead of "${expected}"`;
  return problem(
    'range',
    says,
    'containerd, BuildKit and Docker resume a transfer that broke off by a range, and begin again elsewhere if they cannot',
    'let Range and Content-Range through: look for a proxy or a store that does not know ranges',
  );
}

function judgeAuthorization({ getAuthorized, target }: BlobReplies): Finding {
  if (isRedirect(getAuthorized)) {
    if (target?.isNear !== true)
      return fine('authorization', 'a login that a client sends to the edge does not reach the store');
    return problem(
      'authorization',
      `${getAuthorized.asked} with an Authorization was redirected to ${target.host}`,
      "Go's client sends the header on to the same host and to its sub-domains, and S3 answers that with 400",
      'let the Authorization header through to the edge, which streams then; or give the store another host name',
    );
  }
  if (!isUsable(getAuthorized) || getAuthorized.status >= 300) {
    return skipped('authorization', `a blob with an Authorization ${describeReply(getAuthorized)}`);
  }
  return fine('authorization', 'a login that a client sends to the edge does not reach the store');
}

function judgeLifetime({ target }: BlobReplies, left: number | undefined): Finding {
  if (target === undefined)
    return skipped('lifetime', 'how long a signed address is good: the edge sent the blob itself');
  if (target.signed === undefined)
    return fine('lifetime', `${target.host} is a public address, which does not end`);
  if (left === undefined) {
    return skipped('lifetime', 'how long a signed address is good: the clocks contradict each other');
  }
  if (left <= 0) return skipped('lifetime', 'how long a signed address is good: it had ended already');
  const minutes = `${(left / MINUTE_MS).toFixed(left < 10 * MINUTE_MS ? 1 : 0)} min`;
  if (left < MIN_LEFT_MS) {
    return problem(
      'lifetime',
      `the address that the edge gave for a blob is good for ${minutes} only`,
      'a client that waits for a moment before it follows gets 403',
      RENEW,
    );
  }
  if (left > MAX_LEFT_MS) {
    return problem(
      'lifetime',
      `the address that the edge gave for a blob is good for ${minutes}`,
      'whoever sees it in a log can read the blob until then',
      'the edge gives 20 minutes at most: look for what signs in its place, and at its clock',
    );
  }
  return fine('lifetime', `the signed address of a blob is good for ${minutes} more`);
}
