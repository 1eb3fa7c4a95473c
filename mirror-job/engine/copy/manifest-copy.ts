/**
 * Copies manifests with all that they need: blobs first, then children, then the manifest itself. So an image whose manifest
 * is in the bucket is complete, and a run that died is carried on from whatever it had finished. An index may have been
 * stored for fewer platforms than are wanted now, so its children are looked at each time.
 */
import type { Descriptor } from '../../../core/descriptor.ts';
import type { Digest } from '../../../core/digest.ts';
import { manifestKey } from '../../../core/layout.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import type { Environment } from '../environment.ts';
import { isLayer } from '../graph/edges.ts';
import { MANIFEST_BUDGET_BYTES } from '../run-state.ts';
import { BlobAbsentError, SourceError, type Resolved, type Source, type SourceManifest } from '../source.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import { FairShare } from '../support/fair-share.ts';
import type { MemoryBudget } from '../support/memory-budget.ts';
import { AsyncCache } from '../support/async-cache.ts';
import type { ForeignLayer } from '../tally.ts';
import { refuseOversized } from '../transfer/upload.ts';
import type { BlobWriter } from './blob-copy.ts';
import { warnOfForeignLayers } from './foreign-layers.ts';
import { ManifestReader, parseRead, type ManifestRead } from './manifest-reader.ts';
import { BlobCount, IMAGE_BOUNDS, ManifestTree, REFERRER_BOUNDS, refuseTooDeep } from './manifest-tree.ts';
import { chooseChildren, complaintAbout, joinChoices } from '../selection/platform-choice.ts';
import type { Platforms } from '../selection/platform.ts';
import { partOf, weigh, type StoredManifest, type StoredPart } from './stored-manifest.ts';

/**
 * Bytes of listed manifests that one image of the configuration holds at once, so that other images of its upstream go on
 * while its blobs come slowly. Referrers have a share of their own, because more people may add a referrer than move a tag
 * (docs/decisions/0081-bounded-referrers.md).
 */
const MAX_LISTED_BYTES = MANIFEST_BUDGET_BYTES / 4;
const MAX_LISTED_REFERRERS_BYTES = MANIFEST_BUDGET_BYTES / 8;

/** The position of a manifest in the tree of an image. */
interface Nesting {
  readonly depth: number;
  readonly tree: ManifestTree;
  /** The tag that the image is copied for, for progress; left out if there is none. */
  readonly tag?: Tag | undefined;
}

export class ManifestCopier {
  readonly #environment: Environment;
  readonly #repository: Repository;
  readonly #blobs: BlobWriter;
  readonly #reader: ManifestReader;
  readonly #maxBlobBytes: number | undefined;
  /** By the subject; empty without a bound. */
  readonly #referrerCounts = new Map<Digest, BlobCount>();
  /** By digest and platforms, because a manifest that is stored for a subset may not be stored for all. */
  readonly #stored: AsyncCache<string, StoredManifest>;
  readonly #share = new FairShare(MAX_LISTED_BYTES);
  readonly #shareOfReferrers = new FairShare(MAX_LISTED_REFERRERS_BYTES);

  /**
   * @param admit called before a manifest that the bucket lacks is taken from a source; what it throws is the failure
   * @param memoryBudget the memory that the copiers of the run share
   * @param maxBlobBytes the most bytes of all blobs of one image, and of all referrers of one manifest; left out for any number
   */
  constructor(
    environment: Environment,
    repository: Repository,
    blobs: BlobWriter,
    admit: (digest: Digest) => Promise<void>,
    memoryBudget: Pick<MemoryBudget, 'keep'>,
    maxBlobBytes?: number,
  ) {
    this.#environment = environment;
    this.#repository = repository;
    this.#blobs = blobs;
    this.#maxBlobBytes = maxBlobBytes;
    this.#reader = new ManifestReader(environment, repository, admit, memoryBudget);
    this.#stored = new AsyncCache({ memoryBudget, weigh });
  }

  /** Does the same as `ensure` for what upstream shows. */
  ensureImage(
    { digest, manifest, tag }: Resolved,
    source: Source,
    platforms: Platforms,
  ): Promise<StoredManifest> {
    return this.ensure(digest, source, manifest, undefined, platforms, this.#root(tag));
  }

  #root(tag?: Tag): Nesting {
    return { depth: 0, tree: new ManifestTree(IMAGE_BOUNDS, this.#share, this.#newCount()), tag };
  }

  /**
   * Makes sure that the repository has a manifest and its closure.
   * @param bytesAtHand the manifest, where the source has sent it already
   * @param expected the descriptor that lists the manifest, if one does: its size must hold
   * @param platforms of an index, only the children for these are stored
   * @throws {SourceError} naming what the source lacks, or sent wrong
   * @throws {StoreError}
   */
  async ensure(
    digest: Digest,
    source: Source,
    bytesAtHand?: SourceManifest,
    expected?: Descriptor,
    platforms?: Platforms,
    nesting = this.#root(),
  ): Promise<StoredManifest> {
    const { depth, tree } = nesting;
    refuseTooDeep(source, digest, depth);
    // A part may have nothing for these platforms, but a whole must have something for one of them.
    const key =
      platforms === undefined ? digest : `${digest} ${platforms.join()} ${depth === 0 ? 'whole' : 'part'}`;
    const known = this.#stored.peek(key);
    if (known !== undefined) {
      const stored = await known;
      refuseOtherSize(source, digest, stored.size, expected);
      tree.addBlobs(source, digest, stored.manifest.blobs);
      return stored;
    }
    const read = await this.#reader.read(digest, source, bytesAtHand, expected, tree.share);
    try {
      try {
        refuseOtherSize(source, digest, read.bytes.length, expected);
      } catch (error) {
        this.#reader.keep(read);
        throw error;
      }
      return await this.#stored.get(key, () => this.#storeRead(read, source, expected, platforms, nesting));
    } finally {
      read.release();
    }
  }

  /**
   * Does the same for a manifest that a source lists as a referrer of another one.
   * @returns undefined, and stores nothing, when the manifest does not name that other one as its subject
   * @throws as `ensure`
   */
  async ensureReferrer(
    referrer: Descriptor,
    subject: Digest,
    source: Source,
  ): Promise<StoredPart | undefined> {
    const { digest } = referrer;
    const known = this.#stored.peek(digest);
    if (known !== undefined) {
      const part = partOf(await known);
      return part.referrer?.subject === subject ? part : undefined;
    }
    const tree = new ManifestTree(REFERRER_BOUNDS, this.#shareOfReferrers, this.#countOf(subject));
    const read = await this.#reader.read(digest, source, undefined, referrer, tree.share);
    try {
      let isOurs = false;
      try {
        isOurs = parseRead(read, source, referrer).subject?.digest === subject;
      } finally {
        if (!isOurs) this.#reader.keep(read);
      }
      if (!isOurs) return undefined;
      return partOf(await this.ensure(digest, source, undefined, referrer, undefined, { depth: 0, tree }));
    } finally {
      read.release();
    }
  }

  #newCount(): BlobCount | undefined {
    return this.#maxBlobBytes === undefined ? undefined : new BlobCount(this.#maxBlobBytes);
  }

  /** The count of all referrers of a manifest, because anybody may add referrers to an image of his own. */
  #countOf(subject: Digest): BlobCount | undefined {
    const count = this.#referrerCounts.get(subject) ?? this.#newCount();
    if (count !== undefined) this.#referrerCounts.set(subject, count);
    return count;
  }

  /** A manifest that cannot be stored is remembered for another try. */
  async #storeRead(
    read: ManifestRead,
    source: Source,
    expected: Descriptor | undefined,
    platforms: Platforms,
    nesting: Nesting,
  ): Promise<StoredManifest> {
    try {
      const stored = await this.#storeTree(read, source, expected, platforms, nesting);
      this.#reader.forget(read.digest);
      return stored;
    } catch (error) {
      this.#reader.keep(read);
      throw error;
    }
  }

  async #storeTree(
    read: ManifestRead,
    source: Source,
    expected: Descriptor | undefined,
    wanted: Platforms,
    nesting: Nesting,
  ): Promise<StoredManifest> {
    const { store, signal, tally, log } = this.#environment;
    const { digest, bytes, isPresent } = read;
    const { depth, tree, tag } = nesting;
    const manifest = parseRead(read, source, expected);
    if (depth > 0) tree.addKept(source, digest, bytes.length, manifest);
    // An index gives its share back before its children take theirs.
    if (manifest.manifests.length > 0) read.release();
    const choice = chooseChildren(manifest.manifests, wanted);
    if (!isPresent) tree.addListed(source, digest, choice.children);
    // Refused before anything of the image is fetched. Blobs that the bucket has are not fetched.
    const layers = choice.children.filter(isLayer);
    tree.addBlobs(source, digest, [...manifest.blobs, ...layers]);
    for (const blob of isPresent ? layers : [...manifest.blobs, ...layers]) {
      const what = `${source.name}: the blob ${blob.digest} of the manifest ${digest}`;
      refuseOversized(what, blob.size, this.#environment);
    }
    const children = await this.#ensureChildren(digest, choice.children, source, wanted, nesting);
    const platforms = joinChoices([choice, ...children.map((child) => child.platforms)]);
    // An index within an index may be for other platforms altogether; only the whole has to have a wanted one.
    const complaint = depth > 0 ? undefined : complaintAbout(source.name, digest, wanted, platforms);
    if (complaint !== undefined) throw new SourceError(complaint);
    if (!isPresent) {
      const foreign = await allOrThrow(manifest.blobs.map((blob) => this.#ensureBlob(blob, source, tag)));
      warnOfForeignLayers(log, source.name, digest, foreign.flat());
      signal.throwIfAborted();
      await store.put(manifestKey(this.#repository, digest), bytes, { contentType: manifest.mediaType });
      tally.add('manifestsCopied');
    }
    return { manifest, digest, size: bytes.length, bytes, children, platforms };
  }

  async #ensureChildren(
    index: Digest,
    descriptors: readonly Descriptor[],
    source: Source,
    wanted: Platforms,
    nesting: Nesting,
  ): Promise<StoredPart[]> {
    const foreign: ForeignLayer[] = [];
    const children = await allOrThrow(
      descriptors.map(async (child) => {
        if (isLayer(child)) {
          foreign.push(...(await this.#ensureBlob(child, source, nesting.tag)));
          return undefined;
        }
        const below = { ...nesting, depth: nesting.depth + 1 };
        return partOf(await this.ensure(child.digest, source, undefined, child, wanted, below));
      }),
    );
    warnOfForeignLayers(this.#environment.log, source.name, index, foreign);
    return children.filter((child) => child !== undefined);
  }

  /** @returns the layer if it is foreign and its registry lacks it, or nothing */
  async #ensureBlob(
    blob: Descriptor,
    source: Source,
    tag: Tag | undefined,
  ): Promise<readonly ForeignLayer[]> {
    const { tally } = this.#environment;
    try {
      await this.#blobs.ensure(this.#repository, blob, source, tally, tag);
      return [];
    } catch (error) {
      // Clients fetch foreign layers from their `urls` themselves. A source that only fails may have the layer all the same,
      // and a manifest that is stored without it is never completed later.
      if (blob.urls === undefined || !(error instanceof BlobAbsentError)) throw error;
      const layer = { repository: this.#repository, digest: blob.digest, urls: blob.urls };
      tally.addForeignLayer(layer);
      return [layer];
    }
  }
}

/** Each caller checks: an index that lies about a child fails, and another one that lists the child rightly does not. */
function refuseOtherSize(
  { name }: Source,
  digest: Digest,
  size: number,
  expected: Descriptor | undefined,
): void {
  if (expected === undefined || size === expected.size) return;
  throw new SourceError(
    `${name}: manifest ${digest} has ${size} bytes, but its descriptor says ${expected.size}.`,
  );
}
