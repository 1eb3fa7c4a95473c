/** Fetches lost objects again, from the sources of the run's images. */
import type { Digest } from '../../../core/digest.ts';
import { OCTET_STREAM } from '../../../core/media-type.ts';
import type { Repository } from '../../../core/reference.ts';
import type { BlobWriter } from '../copy/blob-copy.ts';
import type { Environment } from '../environment.ts';
import type { Image } from '../image.ts';
import { ManifestCopier } from '../copy/manifest-copy.ts';
import { createMemoryBudget } from '../copy/stored-manifest.ts';
import type { ScrubbedObject } from './scrub-object.ts';
import { SourceError } from '../source.ts';

/** @returns the source that it came from, or a sentence that says why no source had it. Never throws */
export type Repair = (
  lost: ScrubbedObject,
) => Promise<{ readonly from: string } | { readonly failure: string }>;

/** @param images by repository */
export function createRepair(
  environment: Environment,
  images: ReadonlyMap<Repository, readonly Image[]>,
  blobs: BlobWriter,
): Repair {
  return async (lost) => {
    let failure = 'nothing in the configuration says where it comes from.';
    for (const image of images.get(lost.repository) ?? []) {
      try {
        await fetchAgain(environment, image, blobs, lost);
        return { from: image.source.name };
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error);
      }
    }
    return { failure };
  };
}

async function fetchAgain(
  environment: Environment,
  { source, repository, mustBePublic }: Image,
  blobs: BlobWriter,
  { root, kind, digest, size }: ScrubbedObject,
): Promise<void> {
  // The index of the bucket alone must not decide which images of a private upstream everybody may read.
  const admit = async (one: Digest): Promise<void> => {
    if (!mustBePublic || (await source.isPublic(one))) return;
    throw new SourceError(`${source.name} does not show ${one} to anonymous callers.`);
  };
  await admit(root.digest);
  if (kind === 'blob') {
    const blob = { mediaType: OCTET_STREAM, digest, size };
    await blobs.ensure(repository, blob, source, environment.tally);
    return;
  }
  const manifests = new ManifestCopier(environment, repository, blobs, admit, createMemoryBudget());
  await manifests.ensure(digest, source, undefined, undefined, root.platforms);
}
