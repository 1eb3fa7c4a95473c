/**
 * Kills a run at each of its writes to a second S3 server, which lists its uploads and checks the bodies of requests.
 * `npm test` kills a run at every seventh write to wrangler's local R2.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  addArtifact,
  addImage,
  addIndex,
  addJson,
  addLayer,
  addStreamedLayer,
  tagAs,
} from '../support/builder.ts';
import { emptyRepository, type Corpus } from '../support/content.ts';
import { killAtWrites } from '../support/kill.ts';
import { SPDX } from '../support/media-types.ts';
import { startRogueRegistry } from '../support/rogue-registry.ts';
import { runOnce } from '../support/run-process.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';

const MEBIBYTE = 1024 * 1024;
const PART = 5 * MEBIBYTE;
let store: S3Server;

beforeAll(async () => {
  store = await startS3Server();
});

afterAll(async () => {
  await store.stop();
});

/** Builds an index of two images, a layer of three parts, an SBOM of the index, and two tags. */
async function buildContent(): Promise<Corpus> {
  const repository = emptyRepository();
  const large = await addStreamedLayer(repository, 'large', 2 * PART + 1000);
  const images = [
    addImage(repository, { layers: [large] }),
    addImage(repository, { layers: [large, await addLayer(repository, 'small')] }),
  ];
  const index = addIndex(repository, images);
  const sbom = addJson(repository, SPDX, { spdxVersion: 'SPDX-2.3' });
  addArtifact(repository, { artifactType: SPDX, subject: index, layers: [sbom] });
  tagAs(repository, index, 'one', 'two');
  return { repositories: new Map([['team/app', repository]]) };
}

test('a run that is killed before or after any write leaves the bucket whole, and a rerun makes it equal to the bucket of a run that was not killed', async () => {
  const registry = await startRogueRegistry({ corpus: await buildContent() });
  try {
    const report = await killAtWrites({
      ...store,
      partBytes: PART,
      upstream: registry.host,
      repositories: [{ path: 'team/app', tags: [] }],
      listsUploads: true,
      concurrency: 2,
      everyNthWrite: 1,
    });
    expect(report.problems).toEqual([]);
    expect(report.survived).toEqual([]);
    expect(report.writes).toBe(38);
  } finally {
    await registry.stop();
  }
}, 600_000);

/**
 * Bytes. The peaks are 188 to 216 MB. This process runs TypeScript from many files, which takes some 30 MB more than the bundle
 * that people run: `npm run bench -- job` measures that one.
 */
const MAX_PEAK_BYTES = 250e6;

test('the job mirrors a layer of 2 GB in less than 250 MB of memory', async () => {
  const repository = emptyRepository();
  const layers = [await addStreamedLayer(repository, 'huge', 2_000_000_000)];
  tagAs(repository, addImage(repository, { layers }), 'latest');
  const corpus = { repositories: new Map([['team/huge', repository]]) };
  const registry = await startRogueRegistry({ corpus });
  try {
    const peak = await runOnce({
      ...store,
      prefixes: ['memory/'],
      partBytes: 8 * MEBIBYTE,
      upstream: registry.host,
      repositories: [{ path: 'team/huge', tags: ['latest'] }],
    });
    expect(peak).toBeLessThan(MAX_PEAK_BYTES);
    expect(peak).toBeGreaterThan(40 * MEBIBYTE);
  } finally {
    await registry.stop();
  }
}, 300_000);
