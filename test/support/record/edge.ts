/** The tree's edge over a bucket, with several settings, and what it answers to a list of requests. */
import { join } from 'node:path';
import type { Corpus } from '../content.ts';
import { startEdge } from '../edge.ts';
import { ask, type Question } from './edge-answer.ts';
import { questionsFor } from './edge-questions.ts';
import type { Stage } from './stage.ts';
import type { RecordedBucket } from './store.ts';

/** `printf %s secret | sha256sum` */
const TOKEN_HASH = '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b';

const SETTINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'as it is': {},
  'all redirected': { BLOBS: 'redirect' },
  'all streamed': { BLOBS: 'stream', STREAM_BELOW: '0' },
};

/** Settings for which a few requests are enough. */
const FEW: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'a public address': { PUBLIC_URL: 'https://blobs.example.com/bucket', STREAM_BELOW: '0' },
  'no tags, a host of one upstream': {
    TAGS: 'off',
    HOSTS: '127.0.0.1=mirror.test',
    CATALOG: 'default,other',
  },
  'tokens for a public bucket': { AUDIENCE: 'token', TOKENS: `ci ${TOKEN_HASH} **` },
  'a misspelt variable and bad values': { S3_BUKCET: 'x', TAG_TTL: '60', BLOBS: 'maybe', HOSTS: 'a=b=c' },
  'a wrong bucket': { S3_BUCKET: 'nowhere' },
  'a wrong key': { S3_SECRET_ACCESS_KEY: 'wrong' },
};

export async function recordEdges(stage: Stage, bucket: RecordedBucket, corpus: Corpus): Promise<void> {
  const questions = questionsFor(corpus);
  for (const [name, variables] of Object.entries(SETTINGS)) {
    await recordEdge(stage, `edge: ${name}`, [bucket], variables, questions);
  }
  const few = [...questions.slice(0, 25), ...questions.filter(({ path }) => path.startsWith('/v2/_catalog'))];
  for (const [name, variables] of Object.entries(FEW)) {
    await recordEdge(stage, `edge: ${name}`, [bucket], variables, few);
  }
}

/** @param buckets the stores of the edge, in its order */
export async function recordEdge(
  { recorder, tree }: Stage,
  step: string,
  buckets: readonly RecordedBucket[],
  variables: Readonly<Record<string, string>>,
  questions: readonly Question[],
): Promise<void> {
  const [first, ...others] = buckets;
  if (first === undefined) throw new Error('An edge needs a bucket.');
  for (const { proxy } of buckets) proxy.reset();
  const edge = await startEdge(
    first,
    { ...Object.assign({}, ...others.map((bucket, index) => variablesOf(bucket, index + 2))), ...variables },
    join(tree, 'wrangler.toml'),
  );
  recorder.placeholders.addHost(edge.host, 'edge');
  try {
    for (const question of questions) recorder.add(step, question.name, await ask(edge.url, question));
  } finally {
    await edge.stop();
  }
  for (const bucket of buckets) bucket.recordRequests(step);
}

function variablesOf(bucket: RecordedBucket, place: number): Record<string, string> {
  return {
    [`S3_${place}_ENDPOINT`]: bucket.endpoint,
    [`S3_${place}_BUCKET`]: bucket.bucket,
    [`S3_${place}_REGION`]: bucket.region,
    [`S3_${place}_ACCESS_KEY_ID`]: bucket.accessKeyId,
    [`S3_${place}_SECRET_ACCESS_KEY`]: bucket.secretAccessKey,
  };
}
