/**
 * Manifests with all that they need: blobs first, then children, then the manifest itself. An image that is in the
 * bucket as a manifest is therefore complete, and a run that died goes on from whatever it had finished. An index
 * may have been stored for fewer platforms than are wanted now: its children are looked at each time.
 */
import type { Descriptor } from '../../../core/descriptor.ts';
import { algorithmOf, digestOf, type Digest } from '../../../core/digest.ts';
import { manifestKey } from '../../../core/layout.ts';
import {
  MAX_MANIFEST_SIZE,
  ManifestInvalidError,
  namesManifest,
  parseManifest,
  type Manifest,
} from '../../../core/manifest.ts';
import type { Repository } from '../../../core/reference.ts';
import { referrerDescriptor } from '../../../core/referrers.ts';
import type { BlobWriter } from './blob-copy.ts';
import { MANIFEST_BUDGET, type Environment } from '../environment.ts';
import { FairShare, partyOf } from '../support/fair-share.ts';
import { warnOfForeignLayers } from './foreign-layers.ts';
import { SingleFlight } from '../support/single-flight.ts';
import { chooseChildren, complaintAbout, joinChoices, type ChosenPlatforms } from './platform-choice.ts';
import type { Platforms } from './platform.ts';
import { MemoryBudget, type Keeper } from '../support/memory-budget.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import {
  BlobAbsentError,
  ManifestAbsentError,
  SourceError,
  TooLongError,
  type Source,
  type SourceManifest,
} from '../source.ts';
import type { ForeignLayer } from '../tally.ts';
import { refuseOversized } from '../transfer/upload.ts';

/**
 * Bytes of manifests that a run remembers, for all its repositories: enough for the tags that lie near each other to
 * share what they have in common, and little beside the blobs' buffers.
 */
const REMEMBERED = 16 * 1024 * 1024;

/**
 * Bytes of all manifests below an index, at any depth. An image for twenty platforms, with their attestations, has a hundred
 * kilobytes of them.
 */
const MAX_CHILDREN = 64 * 1024 * 1024;

/** The same of a referrer, of which many are copied side by side: hardly any is an index. */
const MAX_BELOW_REFERRER = 8 * 1024 * 1024;

/**
 * Bytes of those manifests in a tree, below its root, that stay in memory until the tree is stored: indexes, which wait for
 * their children, and manifests with a subject, whose annotations a list of referrers repeats. Nearly all have none.
 */
const MAX_KEPT = 1024 * 1024;
const MAX_KEPT_OF_REFERRER = 256 * 1024;

/**
 * Bytes of listed manifests that one image of the configuration holds at once, so that other images of its upstream go on
 * while its blobs come slowly. Referrers have a share of their own, because more people may add a referrer than move a tag
 * (docs/decisions/0081-bounded-referrers.md).
 */
const MAX_LISTED = MANIFEST_BUDGET / 4;
const MAX_LISTED_REFERRERS = MANIFEST_BUDGET / 8;

/** Deeper than any image: an index of indexes of images is three. */
const MAX_DEPTH = 8;

/** Where a manifest stands in the tree of an image. */
interface Nesting {
  readonly depth: number;
  /** Bytes of manifests that are listed in the whole tree, and how many may be. */
  readonly tree: Tree;
}

interface Tree {
  bytes: number;
  readonly limit: number;
  /** Bytes of those that are kept, and how many may be. */
  kept: number;
  readonly keptLimit: number;
  /** The image's own bytes of listed manifests, which come out of its upstream's. */
  readonly share: FairShare;
}

/**
 * A stored manifest below an index or an image, without its text and its parsed form, because those would stay in memory until
 * the last of its siblings is stored.
 */
export interface StoredPart {
  readonly digest: Digest;
  readonly children: readonly StoredPart[];
  readonly platforms: ChosenPlatforms;
  /** Its entry in its subject's list of referrers; undefined if it names no subject. */
  readonly referrer: { readonly subject: Digest; readonly descriptor: Descriptor } | undefined;
}

/** A manifest that is stored, and what is stored with it. */
export interface StoredManifest {
  readonly manifest: Manifest;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Those that are stored: an index for a subset of platforms names more. */
  readonly children: readonly StoredPart[];
  /** Of the whole tree: which platforms were taken, and which were left out. */
  readonly platforms: ChosenPlatforms;
}

/** For all copiers of a run. */
export function createManifestRetention(): MemoryBudget {
  return new MemoryBudget(REMEMBERED);
}

export function partOf({ digest, children, platforms, manifest, size }: StoredManifest): StoredPart {
  const { subject } = manifest;
  const referrer =
    subject === undefined
      ? undefined
      : { subject: subject.digest, descriptor: referrerDescriptor(manifest, digest, size) };
  return { digest, children, platforms, referrer };
}

/** The text, what was read from it, and what it keeps alive. */
function weigh({ size, children }: StoredManifest): number {
  return 1000 + 3 * size + children.reduce((sum, child) => sum + weighPart(child), 0);
}

function weighPart({ children, referrer }: StoredPart): number {
  const own = 1000 + 3 * (referrer?.descriptor.size ?? 0);
  return children.reduce((sum, child) => sum + weighPart(child), own);
}

/** A manifest's bytes, and whether they come from the bucket, which means that its blobs are there. */
interface Read extends SourceManifest {
  readonly isPresent: boolean;
  /** Gives back its share of the memory for listed manifests; can be called again. */
  readonly release: () => void;
}

export class ManifestCopier {
  readonly #environment: Environment;
  readonly #repository: Repository;
  readonly #blobs: BlobWriter;
  readonly #admit: (digest: Digest) => Promise<void>;
  readonly #read = new SingleFlight<Digest, Read>();
  /** By digest and platforms: what is enough for a subset is not for all. */
  readonly #stored: SingleFlight<string, StoredManifest>;
  readonly #retention: Keeper;
  readonly #share = new FairShare(MAX_LISTED);
  readonly #shareOfReferrers = new FairShare(MAX_LISTED_REFERRERS);

  /**
   * @param admit asked before a manifest that the bucket lacks is taken from a source; what it throws is the failure
   * @param retention shared with the other copiers of the run
   */
  constructor(
    environment: Environment,
    repository: Repository,
    blobs: BlobWriter,
    admit: (digest: Digest) => Promise<void>,
    retention: Keeper,
  ) {
    this.#retention = retention;
    this.#stored = new SingleFlight({ retention, weigh });
    this.#admit = admit;
    this.#environment = environment;
    this.#repository = repository;
    this.#blobs = blobs;
  }

  /**
   * Makes sure that the repository has a manifest and its closure.
   * @param given its bytes, where they are at hand already
   * @param expected the descriptor that asked for it, where there is one: its size must hold
   * @param platforms of an index, only the children for these
   * @throws {SourceError} naming what the source lacks, or sent wrong
   * @throws {StoreError}
   */
  async ensure(
    digest: Digest,
    source: Source,
    given?: SourceManifest,
    expected?: Descriptor,
    platforms?: Platforms,
    nesting: Nesting = { depth: 0, tree: treeOf(MAX_CHILDREN, MAX_KEPT, this.#share) },
  ): Promise<StoredManifest> {
    const { depth } = nesting;
    if (depth > MAX_DEPTH) {
      throw new SourceError(
        `${source.name}: indexes within indexes, more than ${MAX_DEPTH} deep, at ${digest}. No image is built like that.`,
      );
    }
    // Each who asks: an index that lies about a child fails, and another one that lists it rightly does not.
    const refuseOtherSize = (size: number): void => {
      if (expected === undefined || size === expected.size) return;
      throw new SourceError(
        `${source.name}: manifest ${digest} has ${size} bytes, but its descriptor says ${expected.size}.`,
      );
    };
    // What is enough as a part may have nothing for these platforms as a whole.
    const key =
      platforms === undefined ? digest : `${digest} ${platforms.join()} ${depth === 0 ? 'whole' : 'part'}`;
    const known = this.#stored.peek(key);
    if (known !== undefined) {
      const stored = await known;
      refuseOtherSize(stored.size);
      return stored;
    }
    const read = await this.#readOnce(digest, source, given, expected, nesting.tree.share);
    try {
      try {
        refuseOtherSize(read.bytes.length);
      } catch (error) {
        this.#retention.keep(read.bytes.length, () => this.#read.forget(digest));
        throw error;
      }
      return await this.#stored.get(key, () => this.#storeRead(read, source, expected, platforms, nesting));
    } finally {
      read.release();
    }
  }

  /**
   * As `ensure`, for a manifest that a source lists as a referrer of another one.
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
    const tree = treeOf(MAX_BELOW_REFERRER, MAX_KEPT_OF_REFERRER, this.#shareOfReferrers);
    const read = await this.#readOnce(digest, source, undefined, referrer, tree.share);
    try {
      let isOurs = false;
      try {
        isOurs = parse(read, source, referrer).subject?.digest === subject;
      } finally {
        if (!isOurs) this.#retention.keep(read.bytes.length, () => this.#read.forget(digest));
      }
      if (!isOurs) return undefined;
      const nesting = { depth: 0, tree };
      return partOf(await this.ensure(digest, source, undefined, referrer, undefined, nesting));
    } finally {
      read.release();
    }
  }

  /** What was read is kept for another try, where this one fails. */
  async #storeRead(
    read: Read,
    source: Source,
    expected: Descriptor | undefined,
    platforms: Platforms,
    nesting: Nesting,
  ): Promise<StoredManifest> {
    const forget = (): void => this.#read.forget(read.digest);
    try {
      const stored = await this.#ensure(read, source, expected, platforms, nesting);
      forget();
      return stored;
    } catch (error) {
      this.#retention.keep(read.bytes.length, forget);
      throw error;
    }
  }

  /** Once for all who need it, unless one of them was told that it is shorter than it is. */
  async #readOnce(
    digest: Digest,
    source: Source,
    given: SourceManifest | undefined,
    expected: Descriptor | undefined,
    share: FairShare,
  ): Promise<Read> {
    const limit = Math.min(expected?.size ?? MAX_MANIFEST_SIZE, MAX_MANIFEST_SIZE);
    for (;;) {
      try {
        return await this.#read.get(digest, () =>
          this.#readAnywhere(digest, source, given, limit, expected === undefined ? undefined : share),
        );
      } catch (error) {
        if (!(error instanceof TooLongError)) throw error;
        if (error.limit < limit) continue;
        if (expected === undefined || expected.size > limit) throw error;
        throw new SourceError(
          `${source.name}: manifest ${digest} has more than the ${expected.size} bytes that its descriptor says.`,
          { cause: error },
        );
      }
    }
  }

  /**
   * A listed manifest waits for its part of the memory, because an index may list any number, and all are read side by side.
   * @param share the image's own; left out for a manifest that is not listed
   */
  async #readAnywhere(
    digest: Digest,
    source: Source,
    given: SourceManifest | undefined,
    limit: number,
    share: FairShare | undefined,
  ): Promise<Read> {
    const { listedManifests } = this.#environment;
    const party = partyOf(source);
    let held = 0;
    const release = (): void => {
      if (held === 0) return;
      listedManifests.give(party, held);
      share?.give(party, held);
      held = 0;
    };
    if (share !== undefined) {
      // The image's own first: else it would keep the upstream's from other images while it waits for itself.
      await share.take(party, limit);
      await listedManifests.take(party, limit);
      held = limit;
    }
    try {
      return { ...(await this.#readFrom(digest, source, given, limit)), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #readFrom(
    digest: Digest,
    source: Source,
    given: SourceManifest | undefined,
    limit: number,
  ): Promise<Omit<Read, 'release'>> {
    const { store, signal, log } = this.#environment;
    signal.throwIfAborted();
    const present = await store.get(manifestKey(this.#repository, digest));
    if (present !== undefined) {
      const bytes = new Uint8Array(present.bytes);
      if ((await digestOf(bytes, algorithmOf(digest))) === digest) {
        return { digest, bytes, mediaType: present.contentType, isPresent: true };
      }
      log.warn(
        `${store.name}: the manifest ${digest} of ${this.#repository} does not match its digest. It is written anew.`,
      );
    }
    await this.#admit(digest);
    return { ...(given ?? (await fetchManifest(source, digest, limit))), isPresent: false };
  }

  async #ensure(
    read: Read,
    source: Source,
    expected: Descriptor | undefined,
    wanted: Platforms,
    nesting: Nesting,
  ): Promise<StoredManifest> {
    const { store, signal, tally } = this.#environment;
    const { digest, bytes, isPresent } = read;
    const manifest = parse(read, source, expected);
    if (nesting.depth > 0) refuseTooMuchKept(source, digest, bytes.length, manifest, nesting.tree);
    // Its children take theirs.
    if (manifest.manifests.length > 0) read.release();
    const choice = chooseChildren(manifest.manifests, wanted);
    if (!isPresent) refuseTooMuch(source, digest, choice.children, nesting.tree);
    // Before anything of the image is fetched. What the bucket has already is not fetched.
    const layers = choice.children.filter((child) => !namesManifest(child));
    for (const blob of isPresent ? layers : [...manifest.blobs, ...layers]) {
      const what = `${source.name}: the blob ${blob.digest} of the manifest ${digest}`;
      refuseOversized(what, blob.size, this.#environment);
    }
    const children = await this.#ensureChildren(digest, choice.children, source, wanted, nesting);
    const platforms = joinChoices([choice, ...children.map((child) => child.platforms)]);
    // An index within one may be for other platforms altogether; the whole is what somebody wants.
    const complaint = nesting.depth > 0 ? undefined : complaintAbout(source.name, digest, wanted, platforms);
    if (complaint !== undefined) throw new SourceError(complaint);
    if (!isPresent) {
      const foreign = await allOrThrow(manifest.blobs.map((blob) => this.#ensureBlob(blob, source)));
      warnOfForeignLayers(this.#environment.log, source.name, digest, foreign.flat());
      signal.throwIfAborted();
      await store.put(manifestKey(this.#repository, digest), bytes, { contentType: manifest.mediaType });
      tally.manifestsCopied += 1;
    }
    return { manifest, digest, size: bytes.length, bytes, children, platforms };
  }

  async #ensureChildren(
    index: Digest,
    descriptors: readonly Descriptor[],
    source: Source,
    wanted: Platforms,
    { depth, tree }: Nesting,
  ): Promise<StoredPart[]> {
    const foreign: ForeignLayer[] = [];
    const children = await allOrThrow(
      descriptors.map(async (child) => {
        if (namesManifest(child)) {
          const below = { depth: depth + 1, tree };
          return partOf(await this.ensure(child.digest, source, undefined, child, wanted, below));
        }
        // Build caches are indexes whose "manifests" are layers: what is no manifest by its type is a blob.
        foreign.push(...(await this.#ensureBlob(child, source)));
        return undefined;
      }),
    );
    warnOfForeignLayers(this.#environment.log, source.name, index, foreign);
    return children.filter((child) => child !== undefined);
  }

  /** @returns the layer if it is kept elsewhere, or nothing */
  async #ensureBlob(blob: Descriptor, source: Source): Promise<readonly ForeignLayer[]> {
    try {
      await this.#blobs.ensure(this.#repository, blob, source);
      return [];
    } catch (error) {
      // Layers that are kept elsewhere by licence: pulling clients fetch them from their `urls` themselves. A source
      // that only fails may have the layer all the same, and what is stored once is never completed later.
      if (blob.urls === undefined || !(error instanceof BlobAbsentError)) throw error;
      const layer = { repository: this.#repository, digest: blob.digest, urls: blob.urls };
      this.#environment.tally.foreignLayers.set(`${layer.repository}@${layer.digest}`, layer);
      return [layer];
    }
  }
}

function treeOf(limit: number, keptLimit: number, share: FairShare): Tree {
  return { bytes: 0, limit, kept: 0, keptLimit, share };
}

function refuseTooMuchKept(
  source: Source,
  digest: Digest,
  size: number,
  { manifests, subject }: Manifest,
  tree: Tree,
): void {
  if (manifests.length === 0 && subject === undefined) return;
  tree.kept += size;
  if (tree.kept <= tree.keptLimit) return;
  throw new SourceError(
    `${source.name}: the indexes and the manifests with a subject that the image lists, up to ${digest}, have ${tree.kept} bytes in all, more than the ${tree.keptLimit} that Lifeboat reads. No image is built like that.`,
  );
}

/** They are fetched, and looked at again by each later run. */
function refuseTooMuch(source: Source, digest: Digest, children: readonly Descriptor[], tree: Tree): void {
  const sum = children.filter((child) => namesManifest(child)).reduce((bytes, { size }) => bytes + size, 0);
  tree.bytes += sum;
  if (tree.bytes <= tree.limit) return;
  throw new SourceError(
    `${source.name}: the manifests that ${digest} lists, with those that the image has listed before, have ${tree.bytes} bytes in all, more than the ${tree.limit} that Lifeboat reads. No image is built like that.`,
  );
}

async function fetchManifest(source: Source, digest: Digest, limit: number): Promise<SourceManifest> {
  const manifest = await source.manifest(digest, limit);
  if (manifest === undefined) {
    throw new ManifestAbsentError(`${source.name} has no manifest ${digest}.`, digest);
  }
  return manifest;
}

function parse(fetched: SourceManifest, source: Source, expected: Descriptor | undefined): Manifest {
  try {
    return parseManifest(fetched.bytes, fetched.mediaType, expected?.mediaType);
  } catch (error) {
    if (!(error instanceof ManifestInvalidError)) throw error;
    throw new SourceError(`${source.name}: manifest ${fetched.digest}: ${error.message}`, { cause: error });
  }
}
