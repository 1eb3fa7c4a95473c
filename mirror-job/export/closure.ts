/** All that belongs to images of one repository of a bucket: found manifest by manifest, each handed on once. */
import type { Descriptor } from '../../core/descriptor.ts';
import { isDigest, type Digest } from '../../core/digest.ts';
import { repositoryIndexKey } from '../../core/layout.ts';
import { ManifestInvalidError, namesManifest, parseManifest, type Manifest } from '../../core/manifest.ts';
import { formatReference, type Reference, type Repository, type Tag } from '../../core/reference.ts';
import { referrerDescriptor } from '../../core/referrers.ts';
import { referrersTag } from '../../core/tag-list.ts';
import type { BucketSource } from '../sources/bucket/bucket-source.ts';
import type { Environment } from '../engine/environment.ts';
import { createLimit } from '../engine/support/limit.ts';
import { SingleFlight } from '../engine/support/single-flight.ts';
import { chooseChildren } from '../engine/copy/platform-choice.ts';
import { allOrThrow } from '../engine/support/all-or-throw.ts';
import { SourceError, type SourceManifest } from '../engine/source.ts';

/** Small reads of the bucket at once. */
const READS = 8;

export interface NeededBlob {
  readonly descriptor: Descriptor;
  readonly source: BucketSource;
}

/** What was asked for, or is a signature under a tag of it. */
interface Root {
  readonly tag: Tag | undefined;
  readonly descriptor: Descriptor;
}

/** A manifest that was read. */
interface Node {
  /** As a list of referrers describes it. */
  readonly descriptor: Descriptor;
  readonly children: readonly Descriptor[];
  readonly referrers: readonly Descriptor[];
}

/** A child that the bucket lacks. */
interface Absent {
  readonly digest: Digest;
  /** All that its index lists: which of them are wanted is said of all together. */
  readonly siblings: readonly Descriptor[];
}

/** A manifest that has to be visited, and what led to it. */
interface Step {
  readonly digest: Digest;
  /** Of a child: all that its index lists. */
  readonly siblings: readonly Descriptor[];
  readonly edge: 'root' | 'child' | 'referrer';
  /** Whether it belongs to a referrer: those are whole, whatever the image's platforms are. */
  readonly isReferring: boolean;
}

export class ClosureWalk {
  readonly repository: Repository;
  readonly roots: Root[] = [];
  /** By their digests, as a list of referrers describes them. */
  readonly referrers = new Map<Digest, Descriptor>();
  readonly blobs = new Map<Digest, NeededBlob>();
  /** What is left out on purpose, in sentences. */
  readonly warnings: string[] = [];
  readonly #signal: AbortSignal;
  readonly #source: BucketSource;
  readonly #hand: (digest: Digest, bytes: Uint8Array) => Promise<void>;
  readonly #limit = createLimit(READS);
  readonly #nodes = new SingleFlight<Digest, Node | undefined>();
  readonly #read = new Set<Digest>();
  #signatureTags: Promise<readonly Tag[]> | undefined;

  /** @param hand what takes a manifest's bytes, which are verified */
  constructor(
    { signal }: Pick<Environment, 'signal'>,
    source: BucketSource,
    repository: Repository,
    hand: (digest: Digest, bytes: Uint8Array) => Promise<void>,
  ) {
    this.#signal = signal;
    this.#source = source;
    this.repository = repository;
    this.#hand = hand;
  }

  /**
   * Finds an image, or all tags, with what belongs to them.
   * @throws {SourceError} for what is not in the bucket, or not whole
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

  /** A tag that holds a subset of the platforms lacks the others on purpose; any other one is broken. */
  async #allowAbsent(reference: Tag | Digest, absent: readonly Absent[]): Promise<void> {
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

  /** A tag that stands where upstream's does is not looked into, unless its repository's index is gone. */
  #howToFill(): string {
    return `Delete ${repositoryIndexKey(this.repository)} from the bucket and run "lifeboat sync", which then looks at each tag again.`;
  }

  /** `sha256-….sig` and its like belong to the image that they name, though nothing in it says so. */
  async #addSignatureTags(): Promise<void> {
    this.#signatureTags ??= Promise.all(
      ['sha256-', 'sha512-'].map((start) => this.#source.tagsFrom(start)),
    ).then((found) => found.flat());
    for (let known = -1; known !== this.#read.size;) {
      known = this.#read.size;
      const starts = new Set<string>(
        [...this.#read].flatMap((digest) => [referrersTag(digest), wholeTag(digest)]),
      );
      const tags = (await this.#signatureTags).filter((tag) => starts.has(tag.split('.', 1)[0] ?? ''));
      await allOrThrow(tags.map((tag) => this.#addTag(tag)));
    }
  }

  /**
   * From one manifest to all below it and all that refers to them, level by level: lists of referrers that lead
   * in a ring end here too.
   * @returns the children that the bucket lacks
   */
  async #walk(root: Digest): Promise<Absent[]> {
    const absent: Absent[] = [];
    const seen = new Set<Digest>();
    let level: readonly Step[] = [{ digest: root, siblings: [], edge: 'root', isReferring: false }];
    while (level.length > 0) {
      const fresh = level.filter(({ digest }) => !seen.has(digest));
      for (const { digest } of fresh) seen.add(digest);
      const steps = await allOrThrow(fresh.map((step) => this.#step(step, absent)));
      level = steps.flat();
    }
    return absent;
  }

  async #step({ digest, siblings, edge, isReferring }: Step, absent: Absent[]): Promise<Step[]> {
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

  /** Reads a manifest once, hands it on, and notes its blobs. */
  #node(digest: Digest, given?: SourceManifest): Promise<Node | undefined> {
    return this.#nodes.get(digest, async () => {
      this.#signal.throwIfAborted();
      const found = given ?? (await this.#limit(() => this.#source.manifest(digest)));
      if (found === undefined) return undefined;
      this.#read.add(digest);
      const manifest = parse(found);
      await this.#hand(digest, found.bytes);
      // Build caches are indexes whose "manifests" are layers.
      const layers = manifest.manifests.filter((child) => !namesManifest(child));
      await allOrThrow([...manifest.blobs, ...layers].map((blob) => this.#need(blob)));
      return {
        descriptor: referrerDescriptor(manifest, digest, found.bytes.length),
        children: manifest.manifests.filter((child) => namesManifest(child)),
        referrers: (await this.#limit(() => this.#source.referrers(digest))).descriptors,
      };
    });
  }

  async #need(blob: Descriptor): Promise<void> {
    if (this.blobs.has(blob.digest)) return;
    // Layers that are kept elsewhere by licence: whoever pulls fetches them from their `urls`.
    if (blob.urls !== undefined && !(await this.#limit(() => this.#source.has(blob)))) return;
    this.blobs.set(blob.digest, { descriptor: blob, source: this.#source });
  }
}

/** As cosign names a digest, which is that of sha512 uncut too. */
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
