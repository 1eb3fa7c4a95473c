/** The job as a Worker mirrors from a real registry into R2, in workerd. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository, type Corpus } from '../../support/content.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { JobInWorkerd } from './job-in-workerd.ts';

let job: JobInWorkerd;
let registry: RogueRegistry;

beforeAll(async () => {
  const content = emptyRepository();
  tagAs(content, addImage(content, { layers: [await addLayer(content, 'small', { size: 1000 })] }), '1');
  const corpus: Corpus = { repositories: new Map([['app', content]]) };
  registry = await startRogueRegistry({ corpus });
  job = await JobInWorkerd.start();
}, 120_000);

afterAll(async () => {
  await job?.close();
  await registry?.stop();
});

test('a run mirrors what the configuration in the bucket lists, and writes its report', { timeout: 60_000 }, async () => {
  await job.configure(`store: { endpoint: "\${S3_ENDPOINT}", bucket: b }
upstreams: { '${registry.host}': { insecure: true } }
images:
  - { source: '${registry.host}/app', tags: ['1'] }
`);
  const at = new Date('2026-11-29T10:17:00Z');
  await job.fire(at);
  await job.fire(at);
  try {
  expect(await job.outputOf(at)).toMatchObject({ counts: { created: 1, failed: 0 } });
  } catch (error) { console.log(JSON.stringify(job.logs(), null, 1)); throw error; }
  expect(await job.read('state/default/last-run.json')).toMatchObject({ counts: { created: 1 }, blobs: { copied: 2 } });
});
