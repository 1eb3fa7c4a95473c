/**
 * Records several stores: filled together, with one away, catching up, with one that somebody else wrote to; and their
 * edge.
 */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { s3ClientOf } from '../bucket-reader.ts';
import { repositoryOf } from '../content.ts';
import type { HookResult } from '../counting-proxy.ts';
import { recordEdge } from './edge.ts';
import { question } from './edge-questions.ts';
import { addSmallImage, corpusOf, smallImages } from './images.ts';
import { startRegistry } from './registry.ts';
import type { Scenario } from './stage.ts';
import type { RecordedBucket } from './store.ts';

export const recordStores: Scenario = async (stage) => {
  const corpus = corpusOf({ 'team/app': await smallImages('stores', ['one', 'two']) });
  const registry = await startRegistry(stage.recorder, 'upstream of stores', { corpus });
  const down = new Set<string>();
  const buckets: RecordedBucket[] = [];
  for (const name of ['first store', 'second store']) {
    const before = (): HookResult => (down.has(name) ? 'drop' : undefined);
    buckets.push(await stage.openBucket(name, { before }));
  }
  const [first, second] = buckets;
  if (first === undefined || second === undefined) throw new Error('Two buckets are needed.');
  const lifeboat = await stage.commandLine('stores');
  const image = 'mirror.test/app';
  const configuration = {
    upstreams: { [registry.host]: { insecure: true, concurrency: 1, credentials: [] } },
    images: [{ source: `${registry.host}/team/app`, name: image, tags: ['*'] }],
  };
  await lifeboat.configure('lifeboat.yaml', {
    ...configuration,
    stores: [first.configuration, second.configuration],
  });
  await lifeboat.configure('one.yaml', { ...configuration, store: first.configuration });
  const record = async (step: string, ...args: readonly string[]): Promise<void> => {
    await lifeboat.run(step, args);
    registry.record(step);
    for (const bucket of buckets) await bucket.record(step);
  };
  const app = repositoryOf(corpus, 'team/app');
  const questions = [
    '/v2/',
    '/healthz',
    `/v2/${image}/manifests/one`,
    `/v2/${image}/manifests/three`,
    `/v2/${image}/tags/list`,
    '/healthz',
  ].map((path, index) => question(path, {}, 'GET', `${index + 1} ${path}`));
  const edge = async (step: string): Promise<void> =>
    recordEdge(stage, step, buckets, { BLOBS: 'stream' }, questions);
  try {
    await record('stores: one alone', 'sync', '-c', 'one.yaml');
    await record('stores: a second one is added', 'sync', '--json');
    await record('stores: in step', 'sync');
    down.add('second store');
    await addSmallImage(app, 'stores-moved', 'one', 'three');
    await record('stores: the second is away', 'sync', '--json');
    await record('stores: approve while the second is away', 'revert', `${image}:one`);
    await edge('edge: the second store is away');
    down.clear();
    await record('stores: the second is back', 'sync');
    down.add('first store');
    await addSmallImage(app, 'stores-moved-again', 'two');
    await record('stores: the first is away', 'sync');
    await record('stores: plan while the first is away', 'plan');
    await record('stores: revert while the first is away', 'revert', `${image}:two`, '--json');
    await record('stores: history while the first is away', 'history', image);
    await edge('edge: the first store is away');
    down.add('second store');
    await record('stores: none answers', 'sync');
    await edge('edge: no store answers');
    down.clear();
    await edge('edge: the first store lags');
    await record('stores: the first is back', 'sync', '--json');
    const client = s3ClientOf(second);
    await client.send(
      new PutObjectCommand({
        Bucket: second.bucket,
        Key: 'state/_stores.json',
        Body: '{"version":1,"stores":[]}',
      }),
    );
    client.destroy();
    await record('stores: a note of somebody else', 'sync');
  } finally {
    await registry.stop();
  }
};
