/** Lists the documented keys of a bucket. They are written out again here, because core/ is under test. */
import type { Digest } from './content.ts';

const KEY = new RegExp(
  String.raw`^repositories/(?<repository>.+?)/(?:` +
    String.raw`_(?<file>tags|index)\.json|_(?<folder>tags|history)/(?<name>.+)|` +
    String.raw`_(?<digests>blobs|manifests|referrers)/(?<algorithm>sha256|sha512)/(?<hex>[0-9a-f]{64,128}))$`,
);

/** The objects of one repository. */
export interface RepositoryKeys {
  readonly tags: Set<string>;
  readonly manifests: Set<Digest>;
  readonly blobs: Set<Digest>;
  readonly referrers: Set<Digest>;
  readonly files: Set<string>;
}

const OTHER_KEY = /^(?:lifeboat\.json|state\/.+|blobs\/(?:sha256\/[0-9a-f]{64}|sha512\/[0-9a-f]{128}))$/;

/** Returns the keys by repository, and the keys that the documentation does not explain. */
export function sortKeys(keys: Iterable<string>): {
  readonly repositories: ReadonlyMap<string, RepositoryKeys>;
  readonly unknown: readonly string[];
} {
  const repositories = new Map<string, RepositoryKeys>();
  const unknown: string[] = [];
  for (const key of keys) {
    if (OTHER_KEY.test(key)) continue;
    const groups = KEY.exec(key)?.groups;
    const name = groups?.['repository'];
    if (groups === undefined || name === undefined) {
      unknown.push(key);
      continue;
    }
    const repository = repositories.get(name) ?? emptyKeys();
    repositories.set(name, repository);
    const { folder, name: entry = '', digests, algorithm, hex, file } = groups;
    if (file !== undefined) repository.files.add(`_${file}.json`);
    if (folder === 'tags') repository.tags.add(entry);
    if (folder === 'history') repository.files.add(`_history/${entry}`);
    if (digests === 'manifests') repository.manifests.add(`${algorithm}:${hex}`);
    if (digests === 'blobs') repository.blobs.add(`${algorithm}:${hex}`);
    if (digests === 'referrers') repository.referrers.add(`${algorithm}:${hex}`);
  }
  return { repositories, unknown };
}

function emptyKeys(): RepositoryKeys {
  return { tags: new Set(), manifests: new Set(), blobs: new Set(), referrers: new Set(), files: new Set() };
}

/** @param root has the form `repositories/<repository>/` */
export function manifestKey(root: string, digest: Digest): string {
  return `${root}_manifests/${digest.replace(':', '/')}`;
}

/** Returns the key of the blob's bytes. */
export function blobKey(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`;
}
