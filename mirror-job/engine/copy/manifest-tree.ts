/**
 * The bounds of the tree of manifests below an image, because a registry can make up as many as it likes. Each error is a
 * sentence that names the manifest at which the bound was passed.
 */
import type { Descriptor } from '../../../core/descriptor.ts';
import type { Digest } from '../../../core/digest.ts';
import type { Manifest } from '../../../core/manifest.ts';
import { isLayer } from '../graph/edges.ts';
import { SourceError, type Source } from '../source.ts';
import type { FairShare } from '../support/fair-share.ts';

/** An index of indexes of images is three deep, and no image is deeper. */
const MAX_DEPTH = 8;

interface TreeBounds {
  /** Bytes of all manifests below the root, at any depth. */
  readonly listedBytes: number;
  /**
   * Bytes of those manifests below the root that stay in memory until the tree is stored: indexes, which wait for their
   * children, and manifests with a subject, whose annotations a list of referrers repeats. Nearly all have none.
   */
  readonly keptBytes: number;
}

/** An image for twenty platforms, with their attestations, has a hundred kilobytes of manifests. */
export const IMAGE_BOUNDS: TreeBounds = { listedBytes: 64 * 1024 * 1024, keptBytes: 1024 * 1024 };

/** Many referrers are copied side by side, and hardly any is an index. */
export const REFERRER_BOUNDS: TreeBounds = { listedBytes: 8 * 1024 * 1024, keptBytes: 256 * 1024 };

/** Bounds the bytes of all blobs of an image, or of all referrers of one. Each blob counts once. */
export class BlobCount {
  readonly #maxBytes: number;
  readonly #counted = new Set<Digest>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws {SourceError} */
  add({ name }: Source, digest: Digest, blobs: readonly Descriptor[]): void {
    for (const blob of blobs) {
      if (this.#counted.has(blob.digest)) continue;
      this.#counted.add(blob.digest);
      this.#bytes += blob.size;
    }
    if (this.#bytes <= this.#maxBytes) return;
    throw new SourceError(
      `${name}: the blobs of the image, up to those of the manifest ${digest}, have ${this.#bytes} bytes in all, more than the ${this.#maxBytes} of maxSize. Raise maxSize, choose fewer platforms, or list the image under images.`,
    );
  }
}

export class ManifestTree {
  /** The share of the memory for listed manifests that the tree takes part in. */
  readonly share: FairShare;
  readonly #bounds: TreeBounds;
  readonly #blobs: BlobCount | undefined;
  #listedBytes = 0;
  #keptBytes = 0;

  /** @param blobs counts the blobs of the tree; left out if they may have any number of bytes */
  constructor(bounds: TreeBounds, share: FairShare, blobs?: BlobCount) {
    this.#bounds = bounds;
    this.share = share;
    this.#blobs = blobs;
  }

  /**
   * Counts the blobs of a manifest before they are fetched, also those that are stored, so that the outcome does not depend on
   * what an earlier run has fetched.
   * @throws {SourceError}
   */
  addBlobs(source: Source, digest: Digest, blobs: readonly Descriptor[]): void {
    this.#blobs?.add(source, digest, blobs);
  }

  /** Counts a manifest below the root, if it stays in memory. @throws {SourceError} */
  addKept({ name }: Source, digest: Digest, size: number, { manifests, subject }: Manifest): void {
    if (manifests.length === 0 && subject === undefined) return;
    this.#keptBytes += size;
    if (this.#keptBytes <= this.#bounds.keptBytes) return;
    throw new SourceError(
      `${name}: the indexes and the manifests with a subject that the image lists, up to ${digest}, have ${this.#keptBytes} bytes in all, more than the ${this.#bounds.keptBytes} that Lifeboat reads. No image is built like that.`,
    );
  }

  /** Counts the manifests that one lists, because they are fetched, and read again by later runs. @throws {SourceError} */
  addListed({ name }: Source, digest: Digest, children: readonly Descriptor[]): void {
    for (const child of children) if (!isLayer(child)) this.#listedBytes += child.size;
    if (this.#listedBytes <= this.#bounds.listedBytes) return;
    throw new SourceError(
      `${name}: the manifests that ${digest} lists, with those that the image has listed before, have ${this.#listedBytes} bytes in all, more than the ${this.#bounds.listedBytes} that Lifeboat reads. No image is built like that.`,
    );
  }
}

/** @throws {SourceError} */
export function refuseTooDeep({ name }: Source, digest: Digest, depth: number): void {
  if (depth <= MAX_DEPTH) return;
  throw new SourceError(
    `${name}: indexes within indexes, more than ${MAX_DEPTH} deep, at ${digest}. No image is built like that.`,
  );
}
