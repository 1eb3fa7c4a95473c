/**
 * Many tags and digests have manifests that refer to one image, so each of them changes that image's list of referrers.
 */
import { BucketReader, s3ClientOf } from './bucket-reader.ts';
import { addArtifact, addImage, addLayer, tagAs } from './builder.ts';
import { emptyRepository } from './content.ts';
import { isObject, readJson } from './manifest-json.ts';
import { SPDX } from './media-types.ts';
import { startRogueRegistry } from './rogue-registry.ts';
import { sync, type Filled } from './sync.ts';

const IMAGE = 'mirror.test/team/app';

export interface ReferringTags {
  /** The number of tags, which is also the number of digests without a tag. */
  readonly count: number;
  /** The number of runs. Each run fills a prefix of its own. */
  readonly runs: number;
}

export interface ReferringRun {
  readonly code: number | null;
  /** The sentences of the failures, without repetitions. */
  readonly failures: readonly string[];
  /** The number of referrers in the image's list after the run. */
  readonly listed: number;
}

/**
 * Mirrors the tags and digests. Two entries of the configuration share the repository: one has the tags, the other the
 * digests.
 */
export async function mirrorReferringTags(
  store: Filled,
  { count, runs }: ReferringTags,
): Promise<readonly ReferringRun[]> {
  const repository = emptyRepository();
  const subject = addImage(repository, { layers: [await addLayer(repository, 'layer')] });
  tagAs(repository, subject, 'latest');
  const artifacts = Array.from({ length: 2 * count }, (_, index) =>
    addArtifact(repository, { artifactType: SPDX, subject, annotations: { index: String(index) } }),
  );
  for (const [index, artifact] of artifacts.slice(0, count).entries()) {
    tagAs(repository, artifact, `sbom-${index}`);
  }
  const digests = artifacts.slice(count).map(({ digest }) => digest);
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/app', repository]]) },
  });
  const source = `${registry.host}/team/app`;
  // Upstream is not asked for referrers, because each manifest itself names its subject.
  const configuration = {
    upstreams: { [registry.host]: { insecure: true, credentials: [] } },
    defaults: { referrers: false },
    images: [
      { source, name: IMAGE, tags: ['*'] },
      { source, name: IMAGE, digests },
    ],
  };
  const client = s3ClientOf(store);
  const [algorithm = '', hex = ''] = subject.digest.split(':');
  try {
    const results: ReferringRun[] = [];
    for (let run = 0; run < runs; run += 1) {
      const prefix = `run-${run}/`;
      const { code, report } = await sync(store, configuration, { prefix });
      const failures = [...new Set(report.items.flatMap(({ outcome }) => outcome.error ?? []))];
      const reader = new BucketReader({ client, bucket: store.bucket, prefix });
      const object = await reader.read(`repositories/${IMAGE}/_referrers/${algorithm}/${hex}`);
      const json = object === undefined ? undefined : readJson(object.bytes);
      const manifests = isObject(json) ? json['manifests'] : undefined;
      results.push({ code, failures, listed: Array.isArray(manifests) ? manifests.length : 0 });
    }
    return results;
  } finally {
    client.destroy();
    await registry.stop();
  }
}
