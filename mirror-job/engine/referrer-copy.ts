/**
 * What refers to an image: signatures, SBOMs, attestations, and what refers to those. They are stored like any
 * manifest, and listed only once they are.
 */
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { referrersKey } from '../../core/layout.ts';
import { namesManifest } from '../../core/manifest.ts';
import { OCI_INDEX } from '../../core/media-type.ts';
import type { Repository } from '../../core/reference.ts';
import { decodeReferrers, encodeReferrers, referrerDescriptor } from '../../core/referrers.ts';
import { countOf } from './count-of.ts';
import type { Environment } from './environment.ts';
import { changeObject } from './guarded-write.ts';
import type { ManifestCopier, StoredManifest } from './manifest-copy.ts';
import { Memo } from './memo.ts';
import type { Retention } from './retention.ts';
import { allSettled } from './settle.ts';
import { BlobAbsentError, ManifestAbsentError, SourceError, type Source } from './source.ts';

/** Deeper than any signature of a signature: a registry that makes up another one each time would never end. */
const MAX_DEPTH = 8;

/** At most this many left-out manifests are named. */
const SHOWN = 3;

/** About what a descriptor, or a name of one, takes in memory. Bytes. */
const ENTRY = 500;

export class ReferrerCopier {
  readonly #environment: Environment;
  readonly #repository: Repository;
  readonly #manifests: ManifestCopier;
  /** Several tags of one image, such as 1, 1.27 and latest, ask once and write once. */
  readonly #asked: Memo<Digest, readonly Descriptor[]>;
  /** By the subject and what is listed of it: how many that are. */
  readonly #listed: Memo<string, number>;
  /** Subjects whose left-out manifests were reported already. */
  readonly #said = new Set<Digest>();

  /** @param retention shared with the other copiers of the run */
  constructor(
    environment: Environment,
    repository: Repository,
    manifests: ManifestCopier,
    retention: Retention,
  ) {
    this.#asked = new Memo({ retention, weigh: (referrers) => ENTRY * (1 + referrers.length) });
    this.#listed = new Memo({ retention, weigh: (count) => ENTRY * (1 + count) });
    this.#environment = environment;
    this.#repository = repository;
    this.#manifests = manifests;
  }

  /**
   * Stores the referrers of a manifest and of anything below it, and lists them.
   * @param ask whether to ask the source; otherwise only the referrers that the manifests themselves name are listed
   * @returns the digests of the manifest, of all below it, and of the referrers of these
   * @throws {SourceError}
   * @throws {StoreError}
   */
  async ensure(root: StoredManifest, source: Source, ask: boolean): Promise<ReadonlySet<Digest>> {
    const visited = new Set<Digest>();
    const subjects = new Map<Digest, Map<Digest, Descriptor>>();
    const list = (subject: Digest, { manifest, digest, size }: StoredManifest): void => {
      const referrers = subjects.get(subject) ?? new Map<Digest, Descriptor>();
      referrers.set(digest, referrerDescriptor(manifest, digest, size));
      subjects.set(subject, referrers);
    };
    const visit = async (stored: StoredManifest, depth: number): Promise<void> => {
      if (visited.has(stored.digest)) return;
      visited.add(stored.digest);
      if (stored.manifest.subject !== undefined) list(stored.manifest.subject.digest, stored);
      await allSettled(stored.children.map((child) => visit(child, depth)));
      if (!ask) return;
      const asked = await this.#asked.get(stored.digest, () => source.referrers(stored.digest));
      const referrers = asked.filter((one) => namesManifest(one));
      if (referrers.length > 0 && depth === MAX_DEPTH) {
        throw new SourceError(
          `${source.name}: referrers of referrers, more than ${MAX_DEPTH} deep, at ${stored.digest}. No image is signed like that.`,
        );
      }
      const leftOut: Digest[] = [];
      await allSettled(
        referrers.map(async (descriptor) => {
          const referrer = await this.#ensureReferrer(descriptor, stored.digest, source);
          if (referrer === undefined) {
            leftOut.push(descriptor.digest);
            return;
          }
          list(stored.digest, referrer);
          await visit(referrer, depth + 1);
        }),
      ).finally(() => this.#warn(source, stored.digest, leftOut));
    };
    await visit(root, 0);
    await allSettled(
      [...subjects].map(([subject, referrers]) =>
        this.#listed.get(`${subject} ${[...referrers.keys()].toSorted().join()}`, async () => {
          await this.#write(subject, referrers);
          return referrers.size;
        }),
      ),
    );
    return visited;
  }

  /** @returns undefined for a manifest that does not name the subject itself, because a list may claim anything */
  async #ensureReferrer(
    descriptor: Descriptor,
    subject: Digest,
    source: Source,
  ): Promise<StoredManifest | undefined> {
    const { digest } = descriptor;
    const listed = `${source.name} lists ${digest} as a referrer of ${subject}`;
    try {
      return await this.#manifests.ensureReferrer(descriptor, subject, source);
    } catch (error) {
      if (!(error instanceof ManifestAbsentError || error instanceof BlobAbsentError)) throw error;
      const isGone = error instanceof ManifestAbsentError && error.digest === digest;
      const lacks = isGone ? 'no longer has it' : `lacks a part of it (${error.message.replace(/\.$/, '')})`;
      throw new SourceError(
        `${listed} (a signature, an SBOM or the like), but ${lacks}: it was probably cleaned up upstream. Have it taken off that list, or mirror the image without its referrers: set "referrers: false".`,
        { cause: error },
      );
    }
  }

  /** One sentence per subject: a registry may make up any number of entries. */
  #warn({ name }: Source, subject: Digest, leftOut: readonly Digest[]): void {
    if (leftOut.length === 0 || this.#said.has(subject)) return;
    this.#said.add(subject);
    const isOne = leftOut.length === 1;
    const shown = leftOut.toSorted().slice(0, SHOWN);
    const more = leftOut.length > SHOWN ? [`and ${leftOut.length - SHOWN} more`] : [];
    this.#environment.log.warn(
      `${name} lists ${countOf(leftOut.length, 'manifest')} as ${isOne ? 'a referrer' : 'referrers'} of ${subject}, but ${isOne ? 'it does' : 'they do'} not name it as ${isOne ? 'its' : 'their'} subject. ${isOne ? 'It is' : 'They are'} left out: ${[...shown, ...more].join(', ')}.`,
    );
  }

  #write(subject: Digest, referrers: ReadonlyMap<Digest, Descriptor>): Promise<void> {
    const key = referrersKey(this.#repository, subject);
    return changeObject(this.#environment.store, key, OCI_INDEX, (bytes) => {
      const known = bytes === undefined ? [] : this.#readList(key, bytes);
      const missing = [...referrers.values()].filter(
        (referrer) => !known.some(({ digest }) => digest === referrer.digest),
      );
      return missing.length === 0 ? undefined : encodeReferrers([...known, ...missing]);
    });
  }

  /** One that cannot be read serves nobody: it is derived from the manifests, and costs requests, not images. */
  #readList(key: string, bytes: Uint8Array): readonly Descriptor[] {
    try {
      return decodeReferrers(key, bytes);
    } catch (error) {
      if (!(error instanceof BucketObjectInvalidError)) throw error;
      this.#environment.log.warn(`${error.message} It is made anew from what is found now.`);
      return [];
    }
  }
}
