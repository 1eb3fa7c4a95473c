/** Reading a manifest that a bucket has. The bucket is not trusted, so the bytes count only if they match their digest. */
import { hasDigest, type Digest } from '../../../core/digest.ts';
import { manifestKey } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import type { Store } from '../store/store.ts';

export interface ManifestBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string | undefined;
}

/**
 * @returns `damaged` if other bytes stand in the manifest's place
 * @throws {StoreError}
 */
export async function readManifest(
  store: Pick<Store, 'get'>,
  repository: Repository,
  digest: Digest,
): Promise<ManifestBytes | 'absent' | 'damaged'> {
  const object = await store.get(manifestKey(repository, digest));
  if (object === undefined) return 'absent';
  const bytes = new Uint8Array(object.bytes);
  if (!(await hasDigest(bytes, digest))) return 'damaged';
  return { bytes, contentType: object.contentType };
}
