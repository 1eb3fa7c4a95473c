/**
 * What refers to an image: signatures, SBOMs, attestations, and what refers to those. They are stored like any
 * manifest, and listed only once they are.
 */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
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
import { createLimit } from '../support/limit.ts';
import { partOf, type ManifestCopier, type StoredManifest, type StoredPart } from './manifest-copy.ts';
import { SingleFlight } from '../support/single-flight.ts';
import type { Keeper } from '../support/memory-budget.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import {
  BlobAbsentError,
  ManifestAbsentError,
  SourceError,
  type ReferrerList,
  type Source,
} from '../source.ts';

/**
 * Bounds of what refers to one image, because a registry can make up as much as it likes: how deep, how many, and how many
 * bytes of manifests (docs/decisions/0081-bounded-referrers.md).
 */
export const MAX_REFERRER_DEPTH = 8;
export const MAX_REFERRERS = 1000;
const MAX_BYTES = 8 * 1024 * 1024;
/** The same of the parts of referrers that are referrers themselves. */
const MAX_BYTES_BELOW = 1024 * 1024;
/** How many requests for one image's referrers are under way at once. */
export const AT_ONCE = 16;

/** At most this many left-out manifests are named. */
const SHOWN = 3;

/** About what a descriptor, or a name of one, takes in memory. Bytes. */
const ENTRY = 500;

/** What was stored around an image. */
export interface Closure {
  /** The image, all below it, and the referrers of these. */
  readonly digests: ReadonlySet<Digest>;
  /** Which bound the referrers exceed, as in "more than 1000"; those within it are stored all the same. */
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
  /** Several tags of one image, such as 1, 1.27 and latest, ask once and write once. */
  readonly #asked: SingleFlight<Digest, ReferrerList>;
  /** By the subject and what is listed of it: how many that are. */
  readonly #listed: SingleFlight<string, number>;
  /** Subjects whose left-out manifests were reported already. */
  readonly #said = new Set<Digest>();

  /** @param retention shared with the other copiers of the run */
  constructor(
    environment: Environment,
    repository: Repository,
    manifests: ManifestCopier,
    retention: Keeper,
  ) {
    this.#asked = new SingleFlight({
      retention,
      weigh: ({ descriptors }) => ENTRY * (1 + descriptors.length),
    });
    this.#listed = new SingleFlight({ retention, weigh: (count) => ENTRY * (1 + count) });
    this.#environment = environment;
    this.#repository = repository;
    this.#manifests = manifests;
  }

  /**
   * Stores the referrers of a manifest and of anything below it, and lists them. Level by level and in the source's order,
   * so that the bounds cut off what is farthest from the image, and the same each time.
   * @param ask whether to ask the source; otherwise only the referrers that the manifests themselves name are listed
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
    /** @returns those that are new, each before its children: their referrers are asked for next */
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
      const leftOut: Listed[] = [];
      const found = await allOrThrow(
        listed.map((one) =>
          atOnce(async () => {
            if (allowance.isSpent) return [];
            const referrer = await this.#ensureReferrer(one.descriptor, one.subject, source);
            if (referrer === undefined) {
              leftOut.push(one);
              return [];
            }
            const added = note(referrer);
            allowance.addBelow(added.filter((part) => part !== referrer));
            return added.map(({ digest }) => digest);
          }),
        ),
      ).finally(() => this.#warn(source, leftOut));
      level = found.flat();
    }
    await allOrThrow(
      [...subjects].map(([subject, referrers]) =>
        this.#listed.get(`${subject} ${[...referrers.keys()].toSorted().join()}`, async () => {
          await this.#write(subject, referrers);
          return referrers.size;
        }),
      ),
    );
    return { digests, excess: allowance.excess };
  }

  /** Some at a time, and none any more once a bound is reached. */
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
    const { descriptors, excess } = await this.#asked.get(subject, async () => {
      const list = await source.referrers(subject, MAX_REFERRERS);
      return {
        // Annotations come with the manifests: here they would only take memory.
        descriptors: list.descriptors
          .filter((one) => namesManifest(one))
          .map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
        excess: list.descriptors.length > MAX_REFERRERS ? `more than ${MAX_REFERRERS}` : list.excess,
      };
    });
    allowance.excess ??= excess;
    return descriptors.map((descriptor) => ({ subject, descriptor }));
  }

  /** @returns undefined for a manifest that does not name the subject itself, because a list may claim anything */
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

  /** One sentence per subject: a registry may make up any number of entries. */
  #warn({ name }: Source, all: readonly Listed[]): void {
    for (const [subject, leftOut] of Map.groupBy(all, (one) => one.subject)) {
      if (this.#said.has(subject)) continue;
      this.#said.add(subject);
      const isOne = leftOut.length === 1;
      const names = leftOut.map(({ descriptor }) => descriptor.digest).toSorted();
      const more = names.length > SHOWN ? [`and ${names.length - SHOWN} more`] : [];
      this.#environment.log.warn(
        `${name} lists ${countOf(names.length, 'manifest')} as ${isOne ? 'a referrer' : 'referrers'} of ${subject}, but ${isOne ? 'it does' : 'they do'} not name it as ${isOne ? 'its' : 'their'} subject. ${isOne ? 'It is' : 'They are'} left out: ${[...names.slice(0, SHOWN), ...more].join(', ')}.`,
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

/** What is left of the bounds for one image. */
class Allowance {
  excess: string | undefined;
  #count = 0;
  #bytes = 0;
  /** Manifests below referrers, which are known only once they are stored; and bytes of those that are listed, too. */
  #below = 0;
  #belowBytes = 0;

  /** Whether not even what was taken is wanted any more. */
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

  /** @returns those that are within the bounds: the first ones */
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
