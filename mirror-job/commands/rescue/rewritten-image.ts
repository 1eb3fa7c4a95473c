/** Refuses images without their original manifest, unless the caller says that they may be served as other images. */
import type { Digest } from '../../../core/digest.ts';
import { ManifestInvalidError, parseManifest } from '../../../core/manifest.ts';
import { formatReference, type Reference } from '../../../core/reference.ts';
import { MoveRefusedError } from '../../engine/tags/move-by-hand.ts';
import type { RescueSource } from './rescue-source.ts';

/** Layers without compression. A registry has them compressed, nearly always. */
const PLAIN = /(?:\.layer\.v1|\.rootfs\.diff)\.tar$/;

/**
 * Judges an image by what the file has, whether or not its digest is named: the digest of a manifest that was made anew can be
 * named, too.
 * @param isKnown whether the bucket knows the digest already, so that it is upstream's. A manifest of Docker's old format never is
 * @returns whether the image is another one than the original
 * @throws {MoveRefusedError} with the digests that cannot be the original ones, unless it may be another one
 */
export async function admitImage(
  { source, archive }: RescueSource,
  digest: Digest,
  {
    image,
    isKnown,
    mayBeRewritten,
  }: { readonly image: Reference; readonly isKnown: boolean; readonly mayBeRewritten: boolean },
): Promise<boolean> {
  const facts =
    archive === undefined
      ? isKnown
        ? undefined
        : await plainLayers(source, digest)
      : await archive
          .imageOf(digest)
          .then((found) => found && { config: found.config, layers: found.unpacked });
  if (facts === undefined) return false;
  if (mayBeRewritten) return true;
  const name = formatReference({ ...image, digest: undefined });
  const original = `The config ${facts.config} is the original one`;
  const lost =
    facts.layers.length === 0
      ? `the image without its manifest. ${original}, and the layers are compressed as a registry has them. The manifest ${digest} was made anew.`
      : `the image without its original layers: they were unpacked, and a registry names them by the digests of their compressed bytes. ${original}. The manifest ${digest} and the layers ${facts.layers.join(', ')} cannot be.`;
  const next = image.tag === undefined ? 'name the tag and add --rewritten.' : 'add --rewritten.';
  throw new MoveRefusedError(
    `${source.name} has ${lost} Whoever pulls ${name} by its old digest, or checks a signature of it, does not get this image. To serve it under the tag all the same, as another image with the same files, ${next}`,
  );
}

/** @returns undefined for an index, and for an image with a compressed layer */
async function plainLayers(
  source: RescueSource['source'],
  digest: Digest,
): Promise<{ readonly config: Digest; readonly layers: readonly Digest[] } | undefined> {
  const found = await source.manifest(digest);
  if (found === undefined) return undefined;
  try {
    const { kind, blobs } = parseManifest(found.bytes, found.mediaType);
    const [config, ...layers] = blobs;
    if (kind !== 'image' || config === undefined || layers.length === 0) return undefined;
    const arePlain = layers.every(({ mediaType }) => PLAIN.test(mediaType));
    return arePlain ? { config: config.digest, layers: layers.map((layer) => layer.digest) } : undefined;
  } catch (error) {
    if (error instanceof ManifestInvalidError) return undefined;
    throw error;
  }
}
