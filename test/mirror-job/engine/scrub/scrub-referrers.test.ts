/** Referrers of a manifest, and everything below them, are checked with it, down to a bound. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { parseRepository } from '../../../../core/reference.ts';
import { ReadBudget, ScrubWalk } from '../../../../mirror-job/engine/scrub/scrub-walk.ts';
import {
  addArtifact,
  addImage,
  addIndex,
  addJson,
  addLayer,
  AMD64,
  ARM64,
  tagAs,
  type Descriptor,
} from '../../../support/builder.ts';
import { SPDX } from '../../../support/media-types.ts';

import { AGAIN, blob, messages, path, ROOT, Scene } from './scrub-scene.ts';

const listOf = (one: Descriptor): string => `${ROOT}/_referrers/${path(one)}`;
const manifestOf = (one: Descriptor): string => `${ROOT}/_manifests/${path(one)}`;

test('signatures and SBOMs that refer to an image are checked with it', async () => {
  const scene = new Scene();
  const { image } = await scene.image('a', 'latest');
  const sbom = addJson(scene.upstream, SPDX, { spdxVersion: 'SPDX-2.3' });
  addArtifact(scene.upstream, { artifactType: SPDX, subject: image, layers: [sbom] });
  await scene.run({ referrersEveryMs: 1 });
  scene.lose(blob(sbom));
  expect(messages((await scene.run()).findings)).toEqual([
    `mirror.test/app:latest@${image.digest}: The bucket in memory has lost the blob ${sbom.digest}. ${AGAIN}`,
  ]);
});

test('referrers of a platform’s manifest or of an SBOM are checked too, and fetched again', async () => {
  const scene = new Scene();
  const layer = await addLayer(scene.upstream, 'a');
  const child = addImage(scene.upstream, { layers: [layer], platform: AMD64 });
  const other = addImage(scene.upstream, { layers: [layer], platform: ARM64 });
  const index = addIndex(scene.upstream, [child, other]);
  tagAs(scene.upstream, index, 'latest');
  const refer = (subject: Descriptor, version: number) => {
    const content = addJson(scene.upstream, SPDX, { version });
    return {
      content,
      artifact: addArtifact(scene.upstream, { artifactType: SPDX, subject, layers: [content] }),
    };
  };
  const ofChild = refer(child, 1);
  const ofIndex = refer(index, 2);
  const ofReferrer = refer(ofIndex.artifact, 3);
  await scene.run({ referrersEveryMs: 1 });
  for (const { content } of [ofChild, ofReferrer]) {
    scene.lose(blob(content));
    expect(messages((await scene.run()).findings)).toEqual([
      `mirror.test/app:latest@${index.digest}: The bucket in memory has lost the blob ${content.digest}. ${AGAIN}`,
    ]);
    expect(scene.store.objects.has(blob(content))).toBe(true);
  }
  for (const { artifact } of [ofChild, ofReferrer]) {
    scene.lose(`${ROOT}/_manifests/${path(artifact)}`);
    expect(messages((await scene.run()).findings)).toEqual([
      `mirror.test/app:latest@${index.digest}: The bucket in memory has lost the manifest ${artifact.digest}. ${AGAIN}`,
    ]);
  }
  expect((await scene.run()).findings).toEqual([]);
});

test('a list of referrers that goes round in a circle, or deeper than eight levels, is not followed for ever', async () => {
  const scene = new Scene();
  const { image } = await scene.image('a', 'latest');
  const chain = [image];
  for (let index = 0; index < 10; index += 1) {
    const content = addJson(scene.upstream, SPDX, { index });
    const subject = chain.at(-1) ?? image;
    chain.push(addArtifact(scene.upstream, { artifactType: SPDX, subject, layers: [content] }));
  }
  await scene.run({ referrersEveryMs: 1 });
  await scene.run();
  const read = (): boolean[] => chain.map((one) => scene.calls(`get ${manifestOf(one)}`).length === 1);
  // The image and eight levels are mirrored, and no more.
  const isWithin = chain.map((_, index) => index <= 8);
  expect(read()).toEqual(isWithin);
  expect(scene.calls(`get ${ROOT}/_referrers/`).length).toBe(8);

  const [first, second] = [chain[1] ?? image, chain[2] ?? image];
  const list = scene.store.objects.get(listOf(image));
  if (list === undefined) throw new Error('It is stored.');
  scene.store.objects.set(listOf(first), list);
  await scene.run();
  expect(read()).toEqual(chain.map((one) => one === image || one === first));
  expect(scene.calls(`get ${manifestOf(second)}`)).toEqual([]);
});

test('manifests that are nested deeper than the reads of a run do not hold up the check of the others', async () => {
  const { upstream, store } = new Scene();
  let nested = addImage(upstream, { layers: [], platform: AMD64 });
  for (let depth = 0; depth < 40; depth += 1) nested = addIndex(upstream, [nested]);
  const image = addImage(upstream, { layers: [await addLayer(upstream, 'a')] });
  for (const [digest, { bytes, mediaType }] of upstream.manifests) {
    await store.put(`${ROOT}/_manifests/${path({ digest })}`, bytes, { contentType: mediaType });
  }
  const roots = [nested, image].map(({ digest }) => ({ digest: parseDigest(digest), platforms: undefined }));
  const seen: string[] = [];
  let after: readonly string[] = [];
  for (const _ of [1, 2]) {
    const budget = new ReadBudget(32);
    const walk = new ScrubWalk(store, parseRepository('mirror.test/app'), budget, () => {});
    for await (const step of walk.steps(roots, after)) {
      after = step.path;
      seen.push(step.digest);
    }
  }
  for (const { digest } of [nested, image]) expect(seen).toContain(digest);
});
