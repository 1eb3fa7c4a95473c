/**
 * Finds everything that belongs to images of one repository in a bucket: manifests, blobs, referrers and signature
 * tags.
 */
import type { Descriptor } from '../../core/descriptor.ts';
import { isDigest, type Digest } from '../../core/digest.ts';
import { repositoryIndexKey } from '../../core/layout.ts';
import { ManifestInvalidError, parseManifest, type Manifest } from '../../core/manifest.ts';
import { formatReference, type Reference, type Repository, type Tag } from '../../core/reference.ts';
import { referrerDescriptor } from '../../core/referrers.ts';
import { referrersTag } from '../../core/tag-list.ts';
import type { BucketSource } from '../sources/bucket/bucket-source.ts';
import type { Environment } from '../engine/environment.ts';
import { createLimit } from '../engine/support/limit.ts';
import { AsyncCache } from '../engine/support/async-cache.ts';
import { chooseChildren } from '../engine/selection/platform-choice.ts';
import { descriptorsOf, edgesOf } from '../engine/graph/edges.ts';
import { walkLevels } from '../engine/graph/level-walk.ts';
import { allOrThrow } from '../engine/support/all-or-throw.ts';
import { SourceError, type SourceManifest } from '../engine/source.ts';

const READS_AT_ONCE = 8;

export interface NeededBlob {
  readonly descriptor: Descriptor;
  readonly source: BucketSource;
}

/** An image that the export names, or a signature that has a tag. */
interface Root {
  readonly tag: Tag | undefined;
  readonly descriptor: Descriptor;
}

/** A manifest that was read, with its edges. */
interface Node {
  /** The descriptor, as a list of referrers describes the manifest. */
  readonly descriptor: Descriptor;
  readonly children: readonly Descriptor[];
  readonly referrers: readonly Descriptor[];
}

/** A child that is not in the bucket. */
interface AbsentChild {
  readonly digest: Digest;
  /** All children of its index. They are needed because platforms are chosen among all of them. */
  readonly siblings: readonly Descriptor[];
}

/** A manifest to visit, and the edge that led to it. */
interface Step {
  readonly digest: Digest;
  /** All children of the index that led here; empty for other edges. */
  readonly siblings: readonly Descriptor[];
  readonly edge: 'root' | 'child' | 'referrer';
  /** Whether the manifest belongs to a referrer. A referrer is stored whole, whatever the image's platforms are. */
  readonly isReferring: boolean;
}

export class ClosureWalk {
  readonly repository: Repository;
  readonly roots: Root[] = [];
  /** The referrers that were found, each as a list of referrers describes it. */
  readonly referrers = new Map<Digest, Descriptor>();
  readonly blobs = new Map<Digest, NeededBlob>();
  /** A sentence for each image whose manifests are left out on purpose. */
  readonly warnings: string[] = [];
  readonly #signal: AbortSignal;
  readonly #source: BucketSource;
  readonly #write: (digest: Digest, bytes: Uint8Array) => Promise<void>;
  readonly #limit = createLimit(READS_AT_ONCE);
  readonly #nodes = new AsyncCache<Digest, Node | undefined>();
  readonly #read = new Set<Digest>();
  #signatureTags: Promise<readonly Tag[]> | undefined;

  /** @param write writes a manifest whose bytes match its digest; it is called once per manifest */
  constructor(
    { signal }: Pick<Environment, 'signal'>,
    source: BucketSource,
    repository: Repository,
    write: (digest: Digest, bytes: Uint8Array) => Promise<void>,
  ) {
    this.#signal = signal;
    this.#source = source;
    this.repository = repository;
    this.#write = write;
  }

  /**
   * Adds an image with everything that belongs to it. If the reference names neither a tag nor a digest, all tags of
   * the repository are added.
   * @throws {SourceError} for an image that is not in the bucket, or not whole
   * @throws {StoreError}
   */
  async add({ tag, digest }: Reference): Promise<void> {
    if (tag === undefined && digest === undefined) {
      const tags = await this.#source.tags();
      if (tags.length === 0)
        throw new SourceError('the bucket has no tag of this image. Run "lifeboat sync" first.');
      await allOrThrow(tags.map((one) => this.#addTag(one)));
      return;
    }
    if (digest !== undefined) {
      await this.#addRoot(undefined, { digest }, digest);
    } else if (tag !== undefined && !(await this.#addTag(tag))) {
      throw new SourceError('the bucket has no such tag. Mirror it with "lifeboat sync" first.');
    }
    await this.#addSignatureTags();
  }

  async #addTag(tag: Tag): Promise<boolean> {
    if (this.roots.some((root) => root.tag === tag)) return true;
    const resolved = await this.#limit(() => this.#source.resolve(tag));
    if (resolved === undefined) return false;
    await this.#addRoot(tag, resolved, tag);
    return true;
  }

  async #addRoot(
    tag: Tag | undefined,
    { digest, manifest }: { digest: Digest; manifest?: SourceManifest | undefined },
    reference: Tag | Digest,
  ): Promise<void> {
    const root = await this.#node(digest, manifest);
    const absent = await this.#walk(digest);
    if (absent.length > 0) await this.#allowAbsent(reference, absent);
    if (root === undefined || this.roots.some((one) => one.tag === tag && one.descriptor.digest === digest))
      return;
    const { mediaType, size } = root.descriptor;
    this.roots.push({ tag, descriptor: { mediaType, digest, size } });
  }

  /**
   * Warns if the tag has a subset of the platforms on purpose. @throws {SourceError} if a missing child is one that the
   * image needs
   */
  async #allowAbsent(reference: Tag | Digest, absent: readonly AbsentChild[]): Promise<void> {
    const platforms = await this.#source.platforms(reference);
    const needed = absent.find(({ digest, siblings }) =>
      chooseChildren(siblings, platforms).children.some((child) => child.digest === digest),
    );
    if (platforms === undefined || needed !== undefined) {
      throw new SourceError(
        `the bucket lacks ${needed?.digest ?? ''}, which the image needs. ${this.#howToFill()}`,
      );
    }
    const named = isDigest(reference)
      ? { tag: undefined, digest: reference }
      : { tag: reference, digest: undefined };
    const name = formatReference({ repository: this.repository, ...named });
    this.warnings.push(
      `${name} is in the bucket for ${platforms.join(', ')} only: ${absent.length} of its manifests are not in the layout.`,
    );
  }

  /** Says how to fill the gap. A run does not look into an unchanged tag, unless the repository's index is gone. */
  #howToFill(): string {
    return `Delete ${repositoryIndexKey(this.repository)} from the bucket and run "lifeboat sync", which then looks at each tag again.`;
  }

  /**
   * Adds tags such as `sha256-….sig`. Such a tag belongs to the image that it names, though no manifest of the image
   * says so.
   */
  async #addSignatureTags(): Promise<void> {
    this.#signatureTags ??= Promise.all(
      ['sha256-', 'sha512-'].map((start) => this.#source.tagsFrom(start)),
    ).then((found) => found.flat());
    // A signature may be signed itself, so the loop goes on until it finds no further manifest.
    for (let before = -1; before !== this.#read.size;) {
      before = this.#read.size;
      const starts = new Set<string>(
        [...this.#read].flatMap((digest) => [referrersTag(digest), wholeTag(digest)]),
      );
      const tags = (await this.#signatureTags).filter((tag) => starts.has(tag.split('.', 1)[0] ?? ''));
      await allOrThrow(tags.map((tag) => this.#addTag(tag)));
    }
  }

  /**
   * Visits a manifest, everything below it, and everything that refers to it.
   * @returns the children that the bucket lacks
   */
  async #walk(root: Digest): Promise<AbsentChild[]> {
    const absent: AbsentChild[] = [];
    await walkLevels<Step>(
      [{ digest: root, siblings: [], edge: 'root', isReferring: false }],
      ({ digest }) => digest,
      (step) => this.#visit(step, absent),
    );
    return absent;
  }

  async #visit({ digest, siblings, edge, isReferring }: Step, absent: AbsentChild[]): Promise<Step[]> {
    const node = await this.#node(digest);
    if (node === undefined) {
      if (edge === 'child' && !isReferring) {
        absent.push({ digest, siblings });
        return [];
      }
      throw new SourceError(`the bucket lacks the manifest ${digest}. ${this.#howToFill()}`);
    }
    if (edge === 'referrer') this.referrers.set(digest, node.descriptor);
    return [
      ...node.children.map((child): Step => ({
        digest: child.digest,
        siblings: node.children,
        edge: 'child',
        isReferring,
      })),
      ...node.referrers.map((one): Step => ({
        digest: one.digest,
        siblings: [],
        edge: 'referrer',
        isReferring: true,
      })),
    ];
  }

  /**
   * Reads a manifest, writes it and registers its blobs, once per digest.
   * @param atHand the manifest, if it was read already
   */
  #node(digest: Digest, atHand?: SourceManifest): Promise<Node | undefined> {
    return this.#nodes.get(digest, async () => {
      this.#signal.throwIfAborted();
      const found = atHand ?? (await this.#limit(() => this.#source.manifest(digest)));
      if (found === undefined) return undefined;
      this.#read.add(digest);
      const manifest = parse(found);
      const edges = edgesOf(manifest);
      await this.#write(digest, found.bytes);
      await allOrThrow(descriptorsOf(edges, 'blob').map((blob) => this.#need(blob)));
      return {
        descriptor: referrerDescriptor(manifest, digest, found.bytes.length),
        children: descriptorsOf(edges, 'manifest'),
        referrers: (await this.#limit(() => this.#source.referrers(digest))).descriptors,
      };
    });
  }

  async #need(blob: Descriptor): Promise<void> {
    if (this.blobs.has(blob.digest)) return;
    // A foreign layer may be absent from the bucket, because clients fetch it from its `urls`.
    if (blob.urls !== undefined && !(await this.#limit(() => this.#source.has(blob)))) return;
    this.blobs.set(blob.digest, { descriptor: blob, source: this.#source });
  }
}

/** Returns a digest as cosign writes it in a tag: unlike in `referrersTag`, sha512 is not cut. */
function wholeTag(digest: Digest): string {
  return digest.replace(':', '-');
}

function parse({ bytes, mediaType, digest }: SourceManifest): Manifest {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (!(error instanceof ManifestInvalidError)) throw error;
    throw new SourceError(`manifest ${digest}: ${error.message}`, { cause: error });
  }
}
