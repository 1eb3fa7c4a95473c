/**
 * Checks that all that an image needs is there: its manifests, their blobs with links, and its referrers. Sizes come from
 * listings; manifests are read and hashed, because they lead to the rest.
 */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import type { Descriptor } from '../../../core/descriptor.ts';
import { hasDigest, type Digest } from '../../../core/digest.ts';
import { manifestKey, referrersKey } from '../../../core/layout.ts';
import { ManifestInvalidError, parseManifest, type Manifest } from '../../../core/manifest.ts';
import { decodeReferrers } from '../../../core/referrers.ts';
import { MAX_REFERRER_DEPTH } from '../copy/referrer-copy.ts';
import { edgesOf } from '../graph/edges.ts';
import type { ManifestBytes } from '../graph/read-manifest.ts';
import type { NamedRoot } from '../scrub/scrub-object.ts';
import type { Platforms } from '../selection/platform.ts';
import { tryDecode } from '../store/decode-object.ts';
import { countOf } from '../support/count-of.ts';
import { joined, WHOLE, type Below } from './below.ts';
import { BlobCheck, type BlobCheckOptions } from './blob-check.ts';
import { CheckedStore, TooLarge, Unknown } from './checked-store.ts';
import { foundProblem, type FoundProblem } from './problem.ts';

/** A root with the images that it stands for. */
export interface ImageRoot extends NamedRoot {
  /** References; a digest that only waits for a decision has none. */
  readonly images: readonly string[];
  /** The manifest, where its tag holds it. */
  readonly atHand: ManifestBytes | undefined;
}

/** The digests in a list of referrers. */
type ReferrerList = ReadonlySet<Digest> | 'absent' | 'damaged' | Unknown;

export interface ClosureCheckOptions extends BlobCheckOptions {
  /** Whether manifests that their tags hold are read, too. */
  readonly isDeep: boolean;
}

export interface ClosureVerdict {
  readonly problems: readonly FoundProblem[];
  /** The images of which a part could not be read. */
  readonly unknownImages: readonly string[];
  readonly manifests: number;
  readonly lists: number;
  /** Manifests and links that nothing needs. */
  readonly unneeded: { readonly manifests: number; readonly links: number };
}

export class ClosureCheck {
  readonly #store: CheckedStore;
  readonly #options: ClosureCheckOptions;
  readonly #visits = new Map<string, Promise<Below>>();
  readonly #blobs: BlobCheck;
  /** Of each manifest that was reached, a root that needs it. */
  readonly #reached = new Map<Digest, ImageRoot>();
  /** The manifests that name a subject, by the subject. */
  readonly #referrers = new Map<Digest, Set<Digest>>();
  /** The lists of referrers that were read, by their subjects. */
  readonly #lists = new Map<Digest, Promise<ReferrerList>>();
  /** The manifests that were read, so that it is known whether they name a subject. */
  readonly #parsed = new Set<Digest>();
  readonly #problems: FoundProblem[] = [];

  constructor(store: CheckedStore, options: ClosureCheckOptions) {
    this.#store = store;
    this.#options = options;
    this.#blobs = new BlobCheck(store, options, (problem) => this.#found(problem));
  }

  async check(roots: readonly ImageRoot[]): Promise<ClosureVerdict> {
    const unknown = new Set<string>();
    await Promise.all(
      roots.map(async (root) => {
        const { problems, isKnown } = await this.#visit(root.digest, root.platforms, root, root.atHand);
        for (const problem of problems) for (const image of root.images) problem.images.add(image);
        if (!isKnown) for (const image of root.images) unknown.add(image);
      }),
    );
    await this.#checkReferrers();
    const { manifests, links } = this.#options.listing;
    return {
      problems: this.#problems,
      unknownImages: [...unknown],
      manifests: this.#reached.size,
      lists: this.#lists.size,
      unneeded: {
        manifests: countOthers(manifests, this.#reached),
        links: countOthers(links, this.#blobs.links),
      },
    };
  }

  #visit(digest: Digest, platforms: Platforms, root: ImageRoot, atHand?: ManifestBytes): Promise<Below> {
    const name = `${digest} ${platforms?.join() ?? ''}`;
    const known = this.#visits.get(name) ?? this.#visitOnce(digest, platforms, root, atHand);
    this.#visits.set(name, known);
    return known;
  }

  async #visitOnce(
    digest: Digest,
    platforms: Platforms,
    root: ImageRoot,
    atHand: ManifestBytes | undefined,
  ): Promise<Below> {
    if (!this.#reached.has(digest)) this.#reached.set(digest, root);
    const { found, ...own } = await this.#manifest(digest, root, atHand);
    const manifest = found === undefined ? undefined : parsed(found);
    if (manifest === undefined) return own;
    this.#parsed.add(digest);
    if (manifest.subject !== undefined) {
      const others = this.#referrers.get(manifest.subject.digest) ?? new Set();
      this.#referrers.set(manifest.subject.digest, others.add(digest));
    }
    const below = await Promise.all(
      edgesOf(manifest, platforms).map(({ kind, descriptor }) =>
        kind === 'blob'
          ? this.#blobs.check(descriptor, root)
          : this.#child(digest, descriptor, platforms, root),
      ),
    );
    return joined([own, ...below]);
  }

  async #child(index: Digest, descriptor: Descriptor, platforms: Platforms, root: ImageRoot): Promise<Below> {
    const { digest, size } = descriptor;
    const below = await this.#visit(digest, platforms, root);
    const listed = this.#options.listing.manifests.get(digest);
    if (listed === undefined || listed.size === size || below.problems.size > 0) return below;
    // The manifest has the bytes of its digest, so the index says a wrong size, and clients refuse it.
    const message = `the index ${index} says that the manifest ${digest} has ${countOf(size, 'byte')}, and it has ${listed.size}. Nothing mends an image that was made so.`;
    const problem = this.#found(
      foundProblem({
        kind: 'manifest-size',
        key: manifestKey(this.#options.listing.repository, index),
        repository: this.#options.listing.repository,
        digest: index,
        message,
      }),
    );
    return joined([below, problem]);
  }

  /** Finds a manifest's bytes, or what is wrong with it. */
  async #manifest(
    digest: Digest,
    root: ImageRoot,
    atHand: ManifestBytes | undefined,
  ): Promise<Below & { readonly found?: ManifestBytes }> {
    const { listing, isEtagOf, isDeep } = this.#options;
    const { repository } = listing;
    const listed = listing.manifests.get(digest);
    if (!isDeep && atHand !== undefined && listed?.size === atHand.bytes.length) {
      if (isEtagOf(listed.etag, atHand.bytes)) return { ...WHOLE, found: atHand };
    }
    const key = manifestKey(repository, digest);
    const object = await this.#store.get(key);
    // The walk goes on below a damaged manifest whose tag has the right bytes.
    const rest = atHand === undefined ? {} : { found: atHand };
    if (object instanceof Unknown) return { ...WHOLE, isKnown: false, ...rest };
    const lost = (kind: 'manifest-missing' | 'manifest-bytes', message: string) => ({
      ...this.#found(
        foundProblem({
          kind,
          key,
          repository,
          digest,
          message,
          object: { repository, root, kind: 'manifest', digest, size: 0, isForeign: false },
          ...(atHand !== undefined && { atHand }),
        }),
      ),
      ...rest,
    });
    if (object === undefined) return lost('manifest-missing', `the manifest ${digest} is missing.`);
    const bytes = object instanceof TooLarge ? undefined : new Uint8Array(object.bytes);
    if (bytes === undefined || object instanceof TooLarge || !(await hasDigest(bytes, digest))) {
      return lost('manifest-bytes', `the manifest ${digest} has other bytes than its digest names.`);
    }
    return { ...WHOLE, found: { bytes, contentType: object.contentType } };
  }

  /** Signatures and SBOMs are in no index. Lists lead to them, and where a list got lost, they themselves tell. */
  async #checkReferrers(): Promise<void> {
    const seen = new Set<Digest>();
    await this.#followLists(seen);
    const unlisted = await this.#findUnlisted();
    for (let found = true; found;) {
      found = false;
      for (const [subject, digests] of unlisted) {
        const root = this.#reached.get(subject);
        if (root === undefined) continue;
        unlisted.delete(subject);
        found = true;
        for (const digest of digests) await this.#attach(digest, root);
      }
      await this.#followLists(seen);
    }
    await Promise.all(
      [...new Set([...this.#lists.keys(), ...this.#referrers.keys()])].map((subject) =>
        this.#checkList(subject),
      ),
    );
  }

  /** Each level has the referrers of the manifests that the level before has reached. */
  async #followLists(seen: Set<Digest>): Promise<void> {
    for (let depth = 0; depth <= MAX_REFERRER_DEPTH; depth += 1) {
      const level = [...this.#reached.keys()].filter((digest) => !seen.has(digest));
      if (level.length === 0) return;
      await Promise.all(level.map((subject) => this.#follow(subject, depth)));
      for (const digest of level) seen.add(digest);
    }
  }

  /** @returns the manifests that nothing has led to and that name a subject, by that subject */
  async #findUnlisted(): Promise<Map<Digest, Set<Digest>>> {
    const bySubject = new Map<Digest, Set<Digest>>();
    const { manifests, repository } = this.#options.listing;
    const rest = [...manifests.keys()].filter((digest) => !this.#reached.has(digest));
    await Promise.all(
      rest.map(async (digest) => {
        const object = await this.#store.get(manifestKey(repository, digest));
        if (object === undefined || object instanceof Unknown || object instanceof TooLarge) return;
        const bytes = new Uint8Array(object.bytes);
        if (!(await hasDigest(bytes, digest))) return;
        const subject = parsed({ bytes, contentType: object.contentType })?.subject?.digest;
        if (subject === undefined) return;
        bySubject.set(subject, (bySubject.get(subject) ?? new Set()).add(digest));
      }),
    );
    return bySubject;
  }

  async #attach(referrer: Digest, root: ImageRoot): Promise<void> {
    const below = await this.#visit(referrer, undefined, { ...root, atHand: undefined });
    for (const problem of below.problems) for (const image of root.images) problem.attachedTo.add(image);
  }

  async #follow(subject: Digest, depth: number): Promise<void> {
    const root = this.#reached.get(subject);
    if (root === undefined || depth === MAX_REFERRER_DEPTH) return;
    if (!this.#options.listing.referrers.has(subject)) return;
    const listed = await this.#list(subject);
    if (listed === 'absent' || listed === 'damaged' || listed instanceof Unknown) return;
    for (const digest of listed) if (digest !== subject) await this.#attach(digest, root);
  }

  /** The lists are derived from the manifests: a list has all manifests that name its subject, and no others. */
  async #checkList(subject: Digest): Promise<void> {
    const expected = this.#referrers.get(subject) ?? new Set<Digest>();
    const listed = await this.#list(subject);
    if (listed instanceof Unknown || (listed === 'absent' && expected.size === 0)) return;
    const list = `the list of what refers to ${subject}`;
    if (listed === 'absent' || listed === 'damaged') {
      this.#stale(subject, `${list} ${listed === 'absent' ? 'is missing' : 'cannot be read'}.`);
      return;
    }
    const missing = [...expected].filter((digest) => !listed.has(digest));
    const extra = [...listed].filter((digest) => this.#parsed.has(digest) && !expected.has(digest));
    if (missing.length > 0) this.#stale(subject, `${list} lacks ${missing.join(', ')}.`);
    if (extra.length > 0)
      this.#stale(subject, `${list} names ${extra.join(', ')}, which does not refer to it.`);
  }

  #stale(subject: Digest, message: string): void {
    const { repository } = this.#options.listing;
    const problem = foundProblem({
      kind: 'referrers-stale',
      key: referrersKey(repository, subject),
      repository,
      digest: subject,
      message,
    });
    const root = this.#reached.get(subject);
    for (const image of root?.images ?? []) problem.attachedTo.add(image);
    this.#found(problem);
  }

  #list(subject: Digest): Promise<ReferrerList> {
    const known = this.#lists.get(subject) ?? this.#readList(subject);
    this.#lists.set(subject, known);
    return known;
  }

  async #readList(subject: Digest): Promise<ReferrerList> {
    const key = referrersKey(this.#options.listing.repository, subject);
    const object = await this.#store.get(key);
    if (object === undefined) return 'absent';
    if (object instanceof Unknown) return object;
    const list = object instanceof TooLarge ? undefined : tryDecode(() => decodeReferrers(key, object.bytes));
    if (list === undefined || list instanceof BucketObjectInvalidError) return 'damaged';
    return new Set(list.map(({ digest }) => digest));
  }

  #found(problem: FoundProblem): Below {
    this.#problems.push(problem);
    return { problems: new Set([problem]), isKnown: true };
  }
}

function countOthers(all: ReadonlyMap<Digest, unknown>, used: { has(digest: Digest): boolean }): number {
  return [...all.keys()].filter((digest) => !used.has(digest)).length;
}

/** @returns undefined for bytes that no client could read either: an earlier version understood them */
function parsed({ bytes, contentType }: ManifestBytes): Manifest | undefined {
  try {
    return parseManifest(bytes, contentType);
  } catch (error) {
    if (error instanceof ManifestInvalidError) return undefined;
    throw error;
  }
}
