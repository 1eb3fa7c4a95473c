/** Starts the checkout's edge over some buckets, and records its answers to a list of requests. */
import { join } from 'node:path';
import { startEdge } from '../edge.ts';
import { ask, type Question } from './edge-answer.ts';
import type { Stage } from './stage.ts';
import type { RecordedBucket } from './store.ts';

/** @param buckets the stores of the edge, in the edge's order */
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
