/** A run can die anywhere: after each single write, everything that the bucket lists is complete, and a rerun adds the rest. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  addArtifact,
  addImage,
  addIndex,
  addJson,
  addStreamedLayer,
  tagAs,
} from '../../../support/builder.ts';
import { emptyRepository, type Corpus } from '../../../support/content.ts';
import { s3ClientOf } from '../../../support/bucket-reader.ts';
import { killAtWrites } from '../../../support/kill.ts';
import { SPDX } from '../../../support/media-types.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import { runOnce } from '../../../support/run-process.ts';
import { emptyBuckets, type Buckets } from '../../../support/shared.ts';
import { walkBucket } from '../../../support/walk-bucket.ts';

const PART = 5 * 1024 * 1024;
let store: Buckets;
let registry: RogueRegistry;

beforeAll(async () => {
  store = await emptyBuckets();
  registry = await startRogueRegistry({ corpus: await buildSmall() });
}, 60_000);

afterAll(async () => {
  await registry.stop();
});

/** One object of each kind, and a blob of two parts. */
async function buildSmall(): Promise<Corpus> {
  const repository = emptyRepository();
  const layers = [await addStreamedLayer(repository, 'large', PART + 1000)];
  const index = addIndex(repository, [addImage(repository, { layers })]);
  const sbom = addJson(repository, SPDX, { spdxVersion: 'SPDX-2.3' });
  addArtifact(repository, { artifactType: SPDX, subject: index, layers: [sbom] });
  tagAs(repository, index, 'one', 'two', 'three');
  return { repositories: new Map([['team/app', repository]]) };
}

test('two runs at once lose nothing of each other', async () => {
  const client = s3ClientOf(store);
  const run = (tag: string) =>
    runOnce({
      ...store,
      prefixes: ['both/'],
      partBytes: PART,
      upstream: registry.host,
      repositories: [{ path: 'team/app', tags: [tag, 'three'] }],
    });
  await Promise.all([run('one'), run('two')]);
  const walk = await walkBucket({ client, bucket: store.bucket, prefix: 'both/' });
  client.destroy();
  expect([...walk.problems, ...walk.behind]).toEqual([]);
  expect([...walk.tags.keys()].toSorted()).toEqual(
    ['one', 'three', 'two'].map((tag) => `mirror.test/team/app:${tag}`),
  );
}, 60_000);

test('a run killed before or after any seventh write leaves the bucket whole, and a rerun makes it equal to that of a run that lives', async () => {
  const report = await killAtWrites({
    ...store,
    partBytes: PART,
    upstream: registry.host,
    repositories: [{ path: 'team/app', tags: ['one', 'two'] }],
    listsUploads: false,
    concurrency: 2,
    // "npm run test:s3" kills at each write, which takes fifty processes.
    everyNthWrite: 7,
  });
  expect(report.problems).toEqual([]);
  expect(report).toEqual({ writes: 32, survived: [], problems: [] });
}, 600_000);
