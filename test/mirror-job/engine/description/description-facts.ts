/** The facts that a description has to have, from upstream's manifests alone. */
import { decodeDescription, type RepositoryDescription } from '../../../../core/repository-description.ts';
import type { Repository } from '../../../support/content.ts';
import type { MemoryStore } from '../../support/memory-store.ts';

interface Described {
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

function manifestOf(
  content: Repository,
  digest: string,
): {
  readonly config: Described;
  readonly layers: readonly Described[];
  readonly manifests: readonly Described[];
} {
  const bytes = content.manifests.get(digest)?.bytes;
  if (bytes === undefined) throw new Error(`There is no manifest ${digest}.`);
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}

/** The platforms of an index with the sizes of their blobs, and the size of all of them together. */
export function sizeOfBlobs(content: Repository, index: string) {
  const blobs = new Map<string, number>();
  const each = manifestOf(content, index).manifests.map(({ digest, platform }) => {
    const { config, layers } = manifestOf(content, digest);
    for (const blob of [config, ...layers]) blobs.set(blob.digest, blob.size);
    const bytes = [config, ...layers].reduce((sum, { size }) => sum + size, 0);
    return { platform: `${platform?.os}/${platform?.architecture}`, digest, bytes };
  });
  return { each, distinct: [...blobs.values()].reduce((sum, size) => sum + size, 0) };
}

export function descriptionIn(store: MemoryStore, key: string): RepositoryDescription {
  return decodeDescription(key, store.objects.get(key)?.bytes ?? new Uint8Array());
}
