/** A large blob whose instance fails for good: the tags that need it fail with the reason, and the others are published. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addImage, tagAs, type Layer } from '../../support/builder.ts';
import { blobOf, digestOf } from '../../support/content.ts';
import { OCI_LAYER } from '../../support/media-types.ts';
import { JobInWorkerd } from './job-in-workerd.ts';
import { SmallRegistry, textOf } from './small-registry.ts';

vi.setConfig({ testTimeout: 120_000 });

/** How often a step is tried. */
const ATTEMPTS = 5;
const MEBIBYTE = 1024 * 1024;

let job: JobInWorkerd;
let upstreams: readonly SmallRegistry[];
/** A layer that both upstreams have. Nobody gets as far as its bytes, so only its manifests say how large it is. */
let layer: Layer;

beforeAll(async () => {
  const bytes = Buffer.from('the beginning of a large layer');
  const digest = digestOf(bytes);
  layer = { mediaType: OCI_LAYER, digest, size: 300 * MEBIBYTE, diffId: digest };
  const [first, second] = [await SmallRegistry.start(['app']), await SmallRegistry.start(['tool'])];
  upstreams = [first, second];
  for (const [upstream, name] of [
    [first, 'app'],
    [second, 'tool'],
  ] as const) {
    const repository = upstream.repository(name);
    repository.blobs.set(digest, blobOf(bytes));
    tagAs(repository, addImage(repository, { layers: [layer] }), 'large');
    await upstream.tag(name, name, 'small');
  }
  job = await JobInWorkerd.start();
  const configurations = upstreams.map((upstream) => upstream.configuration());
  await job.configure(
    textOf({
      upstreams: Object.assign({}, ...configurations.map((one) => one['upstreams'])),
      images: configurations.flatMap((one) => one['images']),
    }),
  );
}, 120_000);

afterAll(async () => {
  await job?.close();
  await Promise.all((upstreams ?? []).map((upstream) => upstream.stop()));
});

function requestsForLayer(): number {
  return upstreams
    .flatMap(({ registry }) => registry.requests)
    .filter(({ reference }) => reference === layer.digest).length;
}

test('a blob whose copy fails for good fails the tags of both upstreams that need it, by the reason, and no other tag', async () => {
  const failing = await job.failStepOfNew('BLOB', `copy ${layer.digest}`, ATTEMPTS);
  try {
    const failed = {
      reference: 'large',
      outcome: { result: 'failed', error: `The copy of ${layer.digest} failed: It was thrown away.` },
    };
    const report = await job.run();
    expect(report).toMatchObject({ counts: { created: 2, failed: 2, skipped: 0 } });
    expect(report).toMatchObject({
      items: expect.arrayContaining([
        expect.objectContaining({ repository: upstreams[0]?.serving('app'), ...failed }),
        expect.objectContaining({ repository: upstreams[1]?.serving('tool'), ...failed }),
      ]),
    });
    expect(requestsForLayer()).toBe(0);
  } finally {
    await failing();
  }
});

test('a blob that is shorter than its manifests say fails the same tags with the sentence about the bytes', async () => {
  const report = await job.run();
  expect(report).toMatchObject({ counts: { unchanged: 2, failed: 2, skipped: 0 } });
  expect(JSON.stringify(report)).toContain(layer.digest);
  expect(await job.sizeOf(`blobs/${layer.digest.replace(':', '/')}`)).toBeUndefined();
  expect(requestsForLayer()).toBeGreaterThan(0);
});
