/** Judges the bucket that the job fills, beside what the edge answers. */
import { isClosed } from './access.ts';
import { fine, problem, skipped, type Check, type Finding } from './finding.ts';
import {
  isLooked,
  type BucketImage,
  type BucketObservation,
  type EdgeKeyObservation,
  type Examination,
} from './observation.ts';
import { skipAll } from './registry.ts';
import { errorOf, faultOf, isSuccess, isUsable } from './reply.ts';

const CHECKS_OF_THE_BUCKET: readonly Check[] = [
  'audience',
  'same-bucket',
  'conditions',
  'edge-key-read',
  'edge-key-write',
];

/** An edge answers with a tag for a minute without asking, and for another one while it asks. */
const TAG_DELAY_MS = 3 * 60_000;

export function judgeBucket(examination: Examination): Finding[] {
  const { bucket } = examination;
  if (!isLooked(bucket)) return skipAll(CHECKS_OF_THE_BUCKET, bucket.notLooked);
  return [
    judgeAudience(examination, bucket),
    judgeSameBucket(examination, bucket),
    judgeConditions(bucket),
    ...judgeEdgeKey(bucket.edgeKey),
  ];
}

/** The edge's own sentence about an audience that is not the bucket's. Nothing else is wrong then. */
export function audienceComplaint({
  ping,
  pingWithToken,
}: Pick<Examination, 'ping' | 'pingWithToken'>): string | undefined {
  const reply = pingWithToken ?? ping;
  if (reply.kind === 'failure' || faultOf(reply) !== 'unavailable') return undefined;
  const message = errorOf(reply)?.message ?? '';
  return message.includes('AUDIENCE') ? message : undefined;
}

function judgeAudience(
  examination: Examination,
  { audience, configuredAudience, name }: BucketObservation,
): Finding {
  if (typeof audience !== 'string') return skipped('audience', `the audience: ${audience.notLooked}`);
  const next =
    'one bucket has one audience: set AUDIENCE at the edge and store.audience in lifeboat.yaml to that of the bucket, or use another bucket';
  if (configuredAudience !== audience) {
    return problem(
      'audience',
      `the bucket is for the audience "${audience}", and lifeboat.yaml says "${configuredAudience}"`,
      'the job refuses this bucket',
      next,
    );
  }
  const complaint = audienceComplaint(examination);
  if (complaint === undefined && !isUsable(examination.ping))
    return skipped('audience', 'the audience of the edge');
  const edge = complaint === undefined ? (isClosed(examination) ? 'token' : 'public') : undefined;
  if (edge === audience)
    return fine('audience', `edge, bucket and lifeboat.yaml are for the same audience (${audience})`);
  return problem(
    'audience',
    `the edge is for another audience than the bucket, which is for "${audience}"`,
    complaint === undefined ? `the edge answers as for "${edge}"` : `it says so: ${complaint}`,
    edge === undefined ? next : `${next}. Check also that ${name} is the bucket that the edge has`,
  );
}

function judgeSameBucket({ at, registry }: Examination, { image, name }: BucketObservation): Finding {
  if (!isLooked(image))
    return skipped('same-bucket', `whether edge and job have the same bucket: ${image.notLooked}`);
  const replies = registry !== undefined && isLooked(registry.image) ? registry.image : undefined;
  const shown = [replies?.tag?.get, replies?.manifest?.get].find((reply) => isSuccess(reply));
  if (replies === undefined || shown === undefined) {
    return skipped(
      'same-bucket',
      'whether edge and job have the same bucket: the edge answered with no image',
    );
  }
  // The answer by tag alone says when the tag moved. The answer by digest says when the manifest was stored.
  const moved = isSuccess(replies.tag?.get) ? replies.tag.get.headers['lifeboat-since'] : undefined;
  const difference = differenceOf(image, moved, Date.parse(at), replies.manifest?.digest);
  if (difference === undefined)
    return fine('same-bucket', `edge and job have the same bucket: ${replies.reference} is the same in both`);
  if (difference === 'moved a moment ago') {
    return skipped(
      'same-bucket',
      `whether edge and job have the same bucket: the tag ${difference}. Ask again in three minutes`,
    );
  }
  return problem(
    'same-bucket',
    `the edge answers with another image than ${name} has: ${difference}`,
    'the edge reads another bucket (or prefix) than the job fills, or a copy that lags behind',
    'compare S3_ENDPOINT, S3_BUCKET and S3_PREFIX of the edge with store in lifeboat.yaml',
  );
}

function differenceOf(
  { tag, hasManifest }: BucketImage,
  moved: string | undefined,
  now: number,
  digest: string | undefined,
): string | undefined {
  if (tag !== undefined) {
    if (Math.abs(now - tag.movedMs) < TAG_DELAY_MS && tag.digest !== digest) return 'moved a moment ago';
    if (tag.digest !== digest) return 'the tag points to another digest';
    const since = Date.parse(moved ?? '');
    if (!Number.isNaN(since) && since !== tag.movedMs) return 'the tag moved at another time';
  }
  return hasManifest ? undefined : 'it does not have the manifest';
}

function judgeConditions({ conditions, name }: BucketObservation): Finding {
  if (conditions === 'honoured') return fine('conditions', 'the store honours conditional writes');
  if ('notLooked' in conditions) return skipped('conditions', `conditional writes: ${conditions.notLooked}`);
  return problem(
    'conditions',
    `${name} does not honour conditional writes`,
    conditions.refused,
    'use a store that does (docs/providers.md), or set store.singleWriter: true if no two runs overlap',
  );
}

function judgeEdgeKey(key: EdgeKeyObservation | { readonly notLooked: string }): Finding[] {
  if ('notLooked' in key)
    return skipAll(['edge-key-read', 'edge-key-write'], `the edge's key: ${key.notLooked}`);
  return [judgeReading(key), judgeWriting(key)];
}

function judgeReading({ get, list }: EdgeKeyObservation): Finding {
  if (get !== 'allowed') {
    return problem(
      'edge-key-read',
      `the edge's key cannot read the bucket: ${get.failed}`,
      'the edge answers nothing with it',
      'give the key the right to get objects (s3:GetObject), and compare key and bucket',
    );
  }
  if (list !== 'allowed') {
    return problem(
      'edge-key-read',
      `the edge's key may not list the bucket: ${list.failed}`,
      'a store then says 403 for an object that is absent, and the edge takes that for a failure of the store: a miss becomes a 503',
      'give the key the right to list (s3:ListBucket)',
    );
  }
  return fine('edge-key-read', "the edge's key may get and list");
}

function judgeWriting({ write }: EdgeKeyObservation): Finding {
  if (write === 'refused') return fine('edge-key-write', "the edge's key may not write");
  if (write !== 'allowed')
    return skipped('edge-key-write', `whether the edge's key may write: ${write.failed}`);
  return problem(
    'edge-key-write',
    "the edge's key may write into the bucket",
    'whoever gets it from the Worker decides what every tag means',
    'make a key that may get and list, and nothing else, and give that to the edge (npx wrangler secret put S3_ACCESS_KEY_ID)',
  );
}
