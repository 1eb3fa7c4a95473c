/**
 * Copies the referrers of an image: signatures, SBOMs, attestations, and the referrers of those. They are stored like any
 * manifest, and then added to the list of referrers.
 */
import type { Descriptor } from '../../../core/descriptor.ts';
import type { Digest } from '../../../core/digest.ts';
import { referrersKey } from '../../../core/layout.ts';
import { namesManifest } from '../../../core/manifest.ts';
import { OCI_INDEX } from '../../../core/media-type.ts';
import type { Repository } from '../../../core/reference.ts';
import { decodeReferrers, encodeReferrers } from '../../../core/referrers.ts';
import { countOf } from '../support/count-of.ts';
import type { Environment } from '../environment.ts';
import { updateObject } from '../store/compare-and-swap.ts';
import { decodeOrWarn } from '../store/decode-object.ts';
import { createLimit } from '../support/limit.ts';
import type { ManifestCopier } from './manifest-copy.ts';
import { partOf, type StoredManifest, type StoredPart } from './stored-manifest.ts';
import { AsyncCache } from '../support/async-cache.ts';
import type { MemoryBudget } from '../support/memory-budget.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import {
  BlobAbsentError,
  ManifestAbsentError,
  SourceError,
  type ReferrerList,
  type Source,
} from '../source.ts';

/**
 * The bounds of the referrers of one image, because a registry can make up as many as it likes: their depth, their number, and
 * the bytes of their manifests (docs/decisions/0081-bounded-referrers.md).
 */
export const MAX_REFERRER_DEPTH = 8;
export const MAX_REFERRERS = 1000;
const MAX_BYTES = 8 * 1024 * 1024;
/** The bytes of those manifests below referrers that are referrers themselves. */
const MAX_BYTES_BELOW = 1024 * 1024;
/** The requests for one image's referrers that are in flight at once. */
export const AT_ONCE = 16;

/** A warning names at most this many manifests. */
const MAX_SHOWN = 3;

/** An estimate of the memory for a descriptor, or for its name. */
const ENTRY_BYTES = 500;

/** The manifests that were stored for an image. */
export interface Closure {
  /** The image, all below it, and the referrers of these. */
  readonly digests: ReadonlySet<Digest>;
  /** The bound that the referrers exceed, as in "more than 1000"; the referrers within it are stored all the same. */
  readonly excess: string | undefined;
}

/** A referrer that a source lists. */
interface Listed {
  readonly subject: Digest;
  readonly descriptor: Descriptor;
}

export class ReferrerCopier {
  readonly #environment: Environment;
  readonly #repository: Repository;
  readonly #manifests: ManifestCopier;
  /** By the subject. Several tags of one image, such as 1, 1.27 and latest, request the list once. */
  readonly #lists: AsyncCache<Digest, ReferrerList>;
  /** The writes of lists, by the subject and the digests that are added: the number of these. */
  readonly #written: AsyncCache<string, number>;
  /** Subjects that a warning has named already. */
  readonly #warned = new Set<Digest>();

  /** @param memoryBudget the memory that the copiers of the run share */
  constructor(
    environment: Environment,
    repository: Repository,
    manifests: ManifestCopier,
    memoryBudget: Pick<MemoryBudget, 'keep'>,
  ) {
    this.#lists = new AsyncCache({
      memoryBudget,
      weigh: ({ descriptors }) => ENTRY_BYTES * (1 + descriptors.length),
    });
    this.#written = new AsyncCache({ memoryBudget, weigh: (count) => ENTRY_BYTES * (1 + count) });
    this.#environment = environment;
    this.#repository = repository;
    this.#manifests = manifests;
  }

  /**
   * Stores the referrers of a manifest and of all manifests below it, and lists them. It goes level by level and in the source's
   * order, so that the bounds cut off the farthest referrers, and the same ones each time.
   * @param ask whether to request lists from the source; if not, only subjects that the manifests themselves name are listed
   * @throws {SourceError}
   * @throws {StoreError}
   */
  async ensure(root: StoredManifest, source: Source, ask: boolean): Promise<Closure> {
    const digests = new Set<Digest>();
    const subjects = new Map<Digest, Map<Digest, Descriptor>>();
    const list = ({ subject, descriptor }: NonNullable<StoredPart['referrer']>): void => {
      const referrers = subjects.get(subject) ?? new Map<Digest, Descriptor>();
      referrers.set(descriptor.digest, descriptor);
      subjects.set(subject, referrers);
    };
    /** @returns the new manifests, each before its children: their referrers are requested next */
    const note = (stored: StoredPart): StoredPart[] => {
      if (digests.has(stored.digest)) return [];
      digests.add(stored.digest);
      if (stored.referrer !== undefined) list(stored.referrer);
      return [stored, ...stored.children.flatMap((child) => note(child))];
    };

    const allowance = new Allowance();
    const atOnce = createLimit(AT_ONCE);
    const all = note(partOf(root)).map(({ digest }) => digest);
    let level = ask ? all : [];
    for (let depth = 0; level.length > 0 && allowance.excess === undefined; depth += 1) {
      const listed = await this.#askAll(level, source, allowance, depth);
      const unrelated: Listed[] = [];
      const found = await allOrThrow(
        listed.map((one) =>
          atOnce(async () => {
            if (allowance.isSpent) return [];
            const referrer = await this.#ensureReferrer(one.descriptor, one.subject, source);
            if (referrer === undefined) {
              unrelated.push(one);
              return [];
            }
            const added = note(referrer);
            allowance.addBelow(added.filter((part) => part !== referrer));
            return added.map(({ digest }) => digest);
          }),
        ),
      ).finally(() => this.#warn(source, unrelated));
      level = found.flat();
    }
    await allOrThrow(
      [...subjects].map(([subject, referrers]) =>
        this.#written.get(`${subject} ${[...referrers.keys()].toSorted().join()}`, async () => {
          await this.#write(subject, referrers);
          return referrers.size;
        }),
      ),
    );
    return { digests, excess: allowance.excess };
  }

  /** Requests lists, some at a time, until a bound is reached. */
  async #askAll(
    subjects: readonly Digest[],
    source: Source,
    allowance: Allowance,
    depth: number,
  ): Promise<readonly Listed[]> {
    const all: Listed[] = [];
    for (let next = 0; next < subjects.length && allowance.excess === undefined; next += AT_ONCE) {
      const some = subjects.slice(next, next + AT_ONCE);
      const asked = await allOrThrow(some.map((subject) => this.#ask(subject, source, allowance)));
      for (const one of allowance.take(asked.flat(), depth)) all.push(one);
    }
    return all;
  }

  async #ask(subject: Digest, source: Source, allowance: Allowance): Promise<readonly Listed[]> {
    const { descriptors, excess } = await this.#lists.get(subject, async () => {
      const list = await source.referrers(subject, MAX_REFERRERS);
      return {
        // Annotations are dropped to save memory, because they come again with the manifests.
        descriptors: list.descriptors
          .filter((one) => namesManifest(one))
          .map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
        excess: list.descriptors.length > MAX_REFERRERS ? `more than ${MAX_REFERRERS}` : list.excess,
      };
    });
    allowance.excess ??= excess;
    return descriptors.map((descriptor) => ({ subject, descriptor }));
  }

  /** @returns undefined for a manifest that does not name the subject: a list may claim anything */
  async #ensureReferrer(
    descriptor: Descriptor,
    subject: Digest,
    source: Source,
  ): Promise<StoredPart | undefined> {
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

  /** Warns once per subject, because a registry may make up any number of entries. */
  #warn({ name }: Source, all: readonly Listed[]): void {
    for (const [subject, unrelated] of Map.groupBy(all, (one) => one.subject)) {
      if (this.#warned.has(subject)) continue;
      this.#warned.add(subject);
      const isOne = unrelated.length === 1;
      const names = unrelated.map(({ descriptor }) => descriptor.digest).toSorted();
      const more = names.length > MAX_SHOWN ? [`and ${names.length - MAX_SHOWN} more`] : [];
      this.#environment.log.warn(
        `${name} lists ${countOf(names.length, 'manifest')} as ${isOne ? 'a referrer' : 'referrers'} of ${subject}, but ${isOne ? 'it does' : 'they do'} not name it as ${isOne ? 'its' : 'their'} subject. ${isOne ? 'It is' : 'They are'} left out: ${[...names.slice(0, MAX_SHOWN), ...more].join(', ')}.`,
      );
    }
  }

  #write(subject: Digest, referrers: ReadonlyMap<Digest, Descriptor>): Promise<void> {
    const key = referrersKey(this.#repository, subject);
    return updateObject(this.#environment.store, key, OCI_INDEX, (bytes) => {
      const known = bytes === undefined ? [] : this.#readList(key, bytes);
      const missing = [...referrers.values()].filter(
        (referrer) => !known.some(({ digest }) => digest === referrer.digest),
      );
      return missing.length === 0 ? undefined : encodeReferrers([...known, ...missing]);
    });
  }

  /** A list that cannot be read is made anew: it is derived from the manifests, so only requests are lost, and no images. */
  #readList(key: string, bytes: Uint8Array): readonly Descriptor[] {
    const consequence = 'It is made anew from what is found now.';
    return decodeOrWarn(this.#environment.log, consequence, () => decodeReferrers(key, bytes)) ?? [];
  }
}

/** The rest of the bounds for one image. */
class Allowance {
  excess: string | undefined;
  #count = 0;
  #bytes = 0;
  /** Manifests below referrers are counted once they are stored. The bytes count if they are referrers themselves. */
  #below = 0;
  #belowBytes = 0;

  /** Whether even the referrers that `take` has returned are not wanted any more. */
  get isSpent(): boolean {
    return this.#below > MAX_REFERRERS || this.#belowBytes > MAX_BYTES_BELOW;
  }

  addBelow(parts: readonly StoredPart[]): void {
    this.#below += parts.length;
    for (const { referrer } of parts) this.#belowBytes += referrer?.descriptor.size ?? 0;
    if (!this.isSpent) return;
    this.excess ??=
      this.#below > MAX_REFERRERS
        ? `referrers of more than ${MAX_REFERRERS} parts`
        : `referrers whose parts are referrers of more than ${MAX_BYTES_BELOW} bytes`;
  }

  /** @returns the first ones, up to the bounds */
  take(listed: readonly Listed[], depth: number): readonly Listed[] {
    if (listed.length > 0 && depth === MAX_REFERRER_DEPTH) {
      this.excess ??= `referrers of referrers, more than ${MAX_REFERRER_DEPTH} deep`;
      return [];
    }
    const end = listed.findIndex(({ descriptor: { size } }) => {
      this.#count += 1;
      this.#bytes += size;
      return this.#count > MAX_REFERRERS || this.#bytes > MAX_BYTES;
    });
    if (end === -1) return listed;
    this.excess ??=
      this.#count > MAX_REFERRERS
        ? `more than ${MAX_REFERRERS}`
        : `manifests of more than ${MAX_BYTES} bytes in all`;
    return listed.slice(0, end);
  }
}
