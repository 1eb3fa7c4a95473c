/** Finds the objects that a store needs before another object, by the order of writes in ARCHITECTURE.md. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import type { KeyKind } from '../../../core/key-kind.ts';
import { blobKey, blobLinkKey, manifestKey } from '../../../core/layout.ts';
import { ManifestInvalidError, parseManifest } from '../../../core/manifest.ts';
import { decodeReferrers } from '../../../core/referrers.ts';
import { readRepositoryIndex } from '../../../core/repository-index.ts';
import { decodeTag } from '../../../core/tag-object.ts';
import { edgesOf } from '../graph/edges.ts';
import type { StoredObject } from '../store/store.ts';

/** @returns keys; undefined for an object that cannot be read, and is not worth having */
export function needsOf(kind: KeyKind, key: string, object: StoredObject): readonly string[] | undefined {
  try {
    switch (kind.kind) {
      case 'link':
        return [blobKey(kind.digest)];
      case 'manifest': {
        const { repository } = kind;
        const manifest = parseManifest(new Uint8Array(object.bytes), object.contentType);
        return edgesOf(manifest).map(({ kind: edge, descriptor: { digest } }) =>
          edge === 'blob' ? blobLinkKey(repository, digest) : manifestKey(repository, digest),
        );
      }
      case 'referrers': {
        const { repository } = kind;
        return decodeReferrers(key, object.bytes).map(({ digest }) => manifestKey(repository, digest));
      }
      case 'tag':
        return [manifestKey(kind.repository, decodeTag(key, object.bytes).digest)];
      case 'index':
        readRepositoryIndex(key, object.bytes);
        return [];
      default:
        return [];
    }
  } catch (error) {
    if (error instanceof BucketObjectInvalidError || error instanceof ManifestInvalidError) return undefined;
    throw error;
  }
}
