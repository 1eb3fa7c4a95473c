import { expect, test } from 'vitest';
import { decodeOverview } from '../../../../core/overview.ts';
import { parseRepository } from '../../../../core/reference.ts';
import type { Image } from '../../../../mirror-job/engine/image.ts';
import {
  mirrorRepository,
  type RepositoryResult,
} from '../../../../mirror-job/engine/run/mirror-repository.ts';
import { linesOf, reportOf, servedOf } from '../../../../mirror-job/engine/run/run-report.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { shareWork } from '../../../../mirror-job/engine/run/shared-work.ts';
import { Tally } from '../../../../mirror-job/engine/tally.ts';
import { addImage, addLayer, addManifest, addJson, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { OCI_MANIFEST } from '../../../support/media-types.ts';
import { environmentFor, imageOf } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

/** Two images that share a layer with all repositories. One has a layer of its own, and the other one that upstream lacks. */
async function sourceOf(name: string): Promise<MemorySource> {
  const content = emptyRepository();
  const shared = await addLayer(content, 'shared');
  tagAs(content, addImage(content, { layers: [shared, await addLayer(content, name)] }), '1');
  const foreign = { ...(await addLayer(content, 'foreign')), urls: ['https://elsewhere.test/layer'] };
  content.blobs.delete(foreign.digest);
  const config = addJson(content, 'application/vnd.oci.image.config.v1+json', {});
  const layers = [shared, foreign];
  tagAs(content, addManifest(content, { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }), '2');
  return new MemorySource(`source.test/${name}`, content);
}

async function imagesOf(...names: readonly string[]): Promise<Image[]> {
  return Promise.all(
    names.map(async (name) =>
      imageOf(await sourceOf(name), `mirror.test/${name}`, { tags: ['1', '2', 'missing'] }),
    ),
  );
}

/** Runs a step as if it had a process of its own: it shares the bucket with other steps, and nothing else. */
function step(store: MemoryStore, images: readonly Image[], name = 'app'): Promise<RepositoryResult> {
  const work = shareWork(environmentFor(store), images, { describedFor: 'test' });
  return mirrorRepository(parseRepository(`mirror.test/${name}`), work);
}

/** The bucket's objects without the names of the runs that wrote them. */
function contentOf({ objects }: MemoryStore): Record<string, string> {
  const texts = [...objects].map(([key, { bytes }]): [string, string] => [
    key.replaceAll(/run-\d+/g, 'run'),
    Buffer.from(bytes)
      .toString('latin1')
      .replaceAll(/run-\d+/g, 'run'),
  ]);
  return Object.fromEntries(texts.filter(([key]) => !key.startsWith('state/')));
}

test('the result of a repository is plain data: it survives JSON', async () => {
  const result = await step(new MemoryStore(), await imagesOf('app'));
  expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  expect(result).toMatchObject({
    repository: 'mirror.test/app',
    counts: { created: 2, failed: 1 },
    isServed: true,
    copied: { blobs: { copied: 4, present: 0 }, manifests: { copied: 2 }, foreignLayers: [{}] },
  });
});

test('a repository that cannot be opened is a result, too', async () => {
  const store = new MemoryStore();
  store.before = () => {
    throw new Error('The store is down.');
  };
  const result = await step(store, await imagesOf('app'));
  expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  expect([result.isServed, result.items]).toEqual([
    false,
    [{ repository: 'mirror.test/app', outcome: { result: 'failed', error: 'The store is down.' } }],
  ]);
});

test('a second step for the same repository changes nothing', async () => {
  const store = new MemoryStore();
  const images = await imagesOf('app');
  await step(store, images);
  const before = contentOf(store);
  const result = await step(store, images);
  expect(result).toMatchObject({
    counts: { created: 0, unchanged: 2, failed: 1 },
    copied: { blobs: { copied: 0, present: 0 }, manifests: { copied: 0 }, bytes: 0 },
  });
  expect(contentOf(store)).toEqual(before);
});

test('a step that was killed at any write leaves a bucket that a second step completes', async () => {
  const images = await imagesOf('app');
  const whole = new MemoryStore();
  await step(whole, images);
  const writes = whole.calls.filter((call) => call.startsWith('put ')).length;
  for (let last = 0; last < writes; last += 1) {
    const store = new MemoryStore();
    let count = 0;
    store.before = (call) => {
      if (call !== 'put') return;
      count += 1;
      if (count > last) throw new Error('The process is dead.');
    };
    await step(store, images);
    store.before = () => {};
    await step(store, images);
    expect([last, Object.keys(contentOf(store)).toSorted()]).toEqual([
      last,
      Object.keys(contentOf(whole)).toSorted(),
    ]);
  }
});

test('the results of steps that share nothing reduce to the report of one run', async () => {
  const together = new MemoryStore();
  const run = await runMirror(environmentFor(together), 'test', await imagesOf('app', 'other'), {
    scrubs: false,
  });

  const apart = new MemoryStore();
  const images = await imagesOf('app', 'other');
  const results: RepositoryResult[] = [];
  for (const name of ['app', 'other']) {
    const result: RepositoryResult = JSON.parse(JSON.stringify(await step(apart, images, name)));
    results.push(result);
  }
  const { run: id, begun, ended, interrupted } = run;
  const report = reportOf(results, {
    run: id,
    begun,
    ended,
    interrupted,
    upstreams: [],
    stores: undefined,
    earlierFindings: [],
    scrub: { findings: [], copied: new Tally().copied },
  });
  // The second process finds the two shared blobs (a config and a layer) in the bucket.
  expect(run.blobs).toEqual({ copied: 6, present: 0 });
  expect(report).toEqual({ ...run, blobs: { copied: 6, present: 2 } });
  expect(servedOf(results)).toEqual(['mirror.test/app', 'mirror.test/other']);
  const stored = together.objects.get('state/test/overview.json')?.bytes ?? new Uint8Array();
  expect(linesOf(results).repositories).toEqual(decodeOverview('it', stored).repositories);
  expect(contentOf(apart)).toEqual(contentOf(together));
});
