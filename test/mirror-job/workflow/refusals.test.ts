/** Buckets and configurations that a run of the Worker refuses, with a sentence in the instance's error and in the log. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { JobInWorkerd } from './job-in-workerd.ts';
import { SmallRegistry, textOf } from './small-registry.ts';

vi.setConfig({ testTimeout: 120_000 });

let upstream: SmallRegistry;
let job: JobInWorkerd;

beforeAll(async () => {
  upstream = await SmallRegistry.start(['app']);
  await upstream.tag('app', 'first', '1');
});

afterEach(async () => {
  await job?.close();
});

afterAll(async () => {
  await upstream?.stop();
});

test('a bucket that holds something of others is refused, and one that has nothing but the configuration is taken', async () => {
  job = await JobInWorkerd.start();
  await job.configure(textOf(upstream.configuration()));
  await job.put('photos/cat.jpg', 'a cat');
  const sentence =
    'The R2 bucket that is bound as BUCKET holds other things ("photos/cat.jpg") and no lifeboat.json, so it is not Lifeboat\'s. Use an empty bucket, or set store.prefix to an empty folder of this one.';
  expect(await job.failingRun()).toContain(sentence);
  expect(job.warnings()).toEqual([`The step "plan" failed: ${sentence}`]);
  expect(await job.read('lifeboat.json')).toBeUndefined();
  expect(await job.read('state/default/last-run.json')).toBeUndefined();

  await job.delete('photos/cat.jpg');
  expect(await job.run()).toMatchObject({ counts: { created: 1, failed: 0 } });
  expect(await job.read('lifeboat.json')).toMatchObject({ version: 1, audience: 'public' });
  // The bucket is Lifeboat's by now, so a later object of others does not matter.
  await job.put('photos/cat.jpg', 'a cat');
  expect(await job.run()).toMatchObject({ counts: { unchanged: 1, failed: 0 } });
});

test('a prefix makes room for the mirror in a bucket that holds something of others', async () => {
  job = await JobInWorkerd.start({ S3_PREFIX: 'mirror' });
  await job.put('photos/cat.jpg', 'a cat');
  const store = { endpoint: '${S3_ENDPOINT}', bucket: 'unused', prefix: 'mirror' };
  await job.put('mirror/state/_config/lifeboat.yaml', textOf({ store, ...upstream.configuration() }));
  const due = job.nextDue();
  await job.fire(due);
  expect(await job.outputOf(due)).toMatchObject({ counts: { created: 1, failed: 0 } });
  expect(await job.read('mirror/lifeboat.json')).toMatchObject({ version: 1 });
});

test('a secret that the Worker lacks is named, also if an earlier configuration needs it too', async () => {
  const credentials = [{ username: 'reader', password: '${REGISTRY_PASSWORD}' }];
  job = await JobInWorkerd.start();
  await job.configure(textOf(upstream.configuration({ credentials })));
  const sentence = /the environment variable REGISTRY_PASSWORD is not set\. Set it, or replace/;
  const error = await job.failingRun();
  expect(error).toMatch(sentence);
  expect(error).toMatch(
    /state\/_config\/lifeboat\.yaml:1: upstreams\["127\.0\.0\.1:\d+"\]\.credentials\[0\]\.password/,
  );
  // Somebody has to set it, so the step is not tried again.
  expect(job.warnings()).toEqual([expect.stringMatching(sentence)]);

  await job.configure(textOf(upstream.configuration()));
  expect(await job.run()).not.toHaveProperty('warnings');
  await job.configure(textOf(upstream.configuration({ credentials })));
  expect(await job.run()).toMatchObject({
    counts: { unchanged: 1 },
    warnings: [expect.stringMatching(sentence)],
  });
});

test('without a configuration a run says where it belongs', async () => {
  job = await JobInWorkerd.start();
  expect(await job.failingRun()).toContain(
    'has no such object. Put your lifeboat.yaml there. For a bucket of R2: npx wrangler r2 object put',
  );
});
