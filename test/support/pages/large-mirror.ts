/** A mirror of 2,000 repositories, of which one has 3,000 tags. */
import { sha256, OCI, type BucketObjects } from './bucket-objects.ts';

export const [REPOSITORIES, TAGS, DESCRIBED] = [2000, 3000, 1000];
export const MANY_TAGS = 'registry.k8s.io/many/tags';
export const ONE_TAG = 'registry.k8s.io/one/tag';

const AT = '2026-11-01T00:00:00.000Z';

export async function putLargeMirror(bucket: BucketObjects): Promise<void> {
  const names = Array.from(
    { length: REPOSITORIES - 2 },
    (_, index) => `ghcr.io/team-${index % 40}/service-${index}`,
  );
  const repositories = [...names, MANY_TAGS, ONE_TAG].toSorted().map((name) => ({
    name,
    tags: name === MANY_TAGS ? TAGS : 1,
    pins: 0,
    held: 0,
    gone: 0,
    checked: AT,
  }));
  await bucket.putState('overview.json', {
    version: 1,
    run: 'run',
    ended: AT,
    repositories,
    held: [],
    heldCount: 0,
    clusters: [],
  });
  const versions = Array.from({ length: TAGS }, (_, index) => `1.${TAGS - index}.0`);
  await putTags(bucket, MANY_TAGS, versions);
  await putTags(bucket, ONE_TAG, ['1.0']);
}

async function putTags(bucket: BucketObjects, repository: string, tags: readonly string[]): Promise<void> {
  await bucket.putTagList(repository, tags);
  await bucket.putState(`repositories/${repository}.json`, {
    version: 1,
    repository,
    written: AT,
    tagCount: tags.length,
    pins: [],
    tags: tags.slice(0, DESCRIBED).map((tag) => ({
      tag,
      digest: sha256(`${repository}:${tag}`),
      mediaType: OCI.index,
      firstSeen: AT,
      bytes: 31_000_000,
      platforms: ['amd64', 'arm64'].map((architecture) => ({
        platform: `linux/${architecture}`,
        digest: sha256(`${tag} ${architecture}`),
        bytes: 15_500_000,
      })),
      signatures: 0,
      sboms: 0,
      attestations: 0,
      moved: AT,
      run: 'run',
      movements: [],
    })),
  });
}
