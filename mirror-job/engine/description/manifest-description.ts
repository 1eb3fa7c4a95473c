/** Describes the manifest of one tag or pin: its size, its platforms, what refers to it, and the tag's movements. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { hasDigest, type Digest } from '../../../core/digest.ts';
import { shownText } from '../../../core/fields.ts';
import { referrersKey } from '../../../core/layout.ts';
import { ManifestInvalidError, parseManifest, type Manifest } from '../../../core/manifest.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { decodeReferrers } from '../../../core/referrers.ts';
import {
  MAX_DESCRIBED_MOVEMENTS,
  type DescribedManifest,
  type DescribedMovement,
  type DescribedTag,
} from '../../../core/repository-description.ts';
import type { PinEntry, TagEntry } from '../../../core/repository-index.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import { findManifest } from '../copy/find-manifest.ts';
import type { Environment } from '../environment.ts';
import type { Platforms } from '../selection/platform.ts';
import { tryDecode } from '../store/decode-object.ts';
import { createLimit } from '../support/limit.ts';
import { readMovements } from '../tags/movement-log.ts';
import { findTag } from '../tags/publish.ts';
import type { RepositoryState } from '../tags/repository-state.ts';
import { signatureTagsOf } from '../tags/signature-tags.ts';
import { measureImage, type Measure } from './image-measure.ts';
import { countAttestations, countReferrers, type ReferrerCounts } from './referrer-kinds.ts';

/** Tags and pins of one repository that are described at once. */
const AT_ONCE = 4;

/** Whether a description still says what the index does. */
export function isCurrent(
  described: DescribedManifest & { readonly hold?: string },
  entry: TagEntry | PinEntry,
): boolean {
  const hold = entry.kind === 'tag' && entry.hold !== undefined ? shownText(entry.hold) : undefined;
  return (
    described.digest === entry.digest &&
    described.hold === hold &&
    described.storedPlatforms?.join() === entry.platforms?.join() &&
    described.referrersChecked === entry.referrersChecked
  );
}

export class ManifestDescriber {
  readonly #environment: Environment;
  readonly #repository: Repository;
  readonly #state: RepositoryState;
  readonly #atOnce = createLimit(AT_ONCE);
  /** By digest and platforms: several tags name one image, and a tag that is described has measured it. */
  readonly #measured = new Map<string, Promise<Measure>>();

  constructor(environment: Environment, repository: Repository, state: RepositoryState) {
    this.#environment = environment;
    this.#repository = repository;
    this.#state = state;
  }

  /** Takes over what an earlier run has measured. */
  learn({ digest, storedPlatforms, artifactType, bytes, platforms }: DescribedManifest): void {
    this.#measured.set(
      measureKey(digest, storedPlatforms),
      Promise.resolve({ artifactType, bytes, platforms }),
    );
  }

  /** @returns undefined if the tag is not there, or names another digest than the index. @throws {StoreError} */
  describeTag(entry: TagEntry): Promise<DescribedTag | undefined> {
    return this.#atOnce(async () => {
      this.#environment.signal.throwIfAborted();
      const tag = await findTag(this.#environment, this.#repository, entry.tag);
      if (tag?.digest !== entry.digest || !(await hasDigest(tag.bytes, tag.digest))) return undefined;
      const manifest = readable(tag);
      if (manifest === undefined) return undefined;
      return {
        tag: entry.tag,
        ...(await this.#describe(entry, manifest)),
        moved: tag.moved,
        run: tag.run,
        ...(entry.hold !== undefined && { hold: entry.hold }),
        movements: await this.#movementsOf(entry.tag),
      };
    });
  }

  /** @returns undefined if the manifest is not there. @throws {StoreError} */
  describePin(entry: PinEntry): Promise<DescribedManifest | undefined> {
    return this.#atOnce(async () => {
      this.#environment.signal.throwIfAborted();
      const found = await findManifest(this.#environment, this.#repository, entry.digest);
      return found === undefined ? undefined : this.#describe(entry, found.manifest);
    });
  }

  async #describe(entry: TagEntry | PinEntry, manifest: Manifest): Promise<DescribedManifest> {
    const { digest, mediaType, firstSeen, platforms, referrersChecked } = entry;
    const { artifactType, ...measure } = await this.#measure(entry, manifest);
    const counts = await this.#countReferrers(digest);
    return {
      digest,
      mediaType,
      ...(artifactType !== undefined && { artifactType }),
      firstSeen,
      ...measure,
      ...(platforms !== undefined && { storedPlatforms: platforms }),
      ...counts,
      attestations: counts.attestations + countAttestations(manifest, platforms),
      ...(referrersChecked !== undefined && { referrersChecked }),
    };
  }

  #measure({ digest, platforms }: TagEntry | PinEntry, manifest: Manifest): Promise<Measure> {
    const name = measureKey(digest, platforms);
    const { store } = this.#environment;
    const measured =
      this.#measured.get(name) ?? measureImage(store, this.#repository, { manifest, digest }, platforms);
    this.#measured.set(name, measured);
    return measured;
  }

  /** Those of the list of referrers, and the tags that cosign names after the image, unless the list has them, too. */
  async #countReferrers(digest: Digest): Promise<ReferrerCounts> {
    const key = referrersKey(this.#repository, digest);
    const stored = await this.#environment.store.get(key);
    const read = stored === undefined ? [] : tryDecode(() => decodeReferrers(key, stored.bytes));
    const listed = read instanceof BucketObjectInvalidError ? [] : read;
    const counts = countReferrers(listed);
    const known = new Set(listed.map((referrer) => referrer.digest));
    const named = new Set(
      signatureTagsOf(digest).flatMap((tag) => {
        const entry = this.#state.tag(tag);
        return entry === undefined || known.has(entry.digest) ? [] : [tag.slice(tag.lastIndexOf('.') + 1)];
      }),
    );
    return {
      signatures: counts.signatures + Number(named.has('sig')),
      sboms: counts.sboms + Number(named.has('sbom')),
      attestations: counts.attestations + Number(named.has('att')),
    };
  }

  async #movementsOf(tag: Tag): Promise<DescribedMovement[]> {
    const movements = await readMovements(this.#environment, this.#repository, tag, MAX_DESCRIBED_MOVEMENTS);
    return movements.flatMap(({ isCarriedOut, at, from, to, run, why, by }) =>
      isCarriedOut
        ? [{ at, ...(from !== undefined && { from }), to, run, why, ...(by !== undefined && { by }) }]
        : [],
    );
  }
}

function measureKey(digest: Digest, platforms: Platforms): string {
  return `${digest} ${platforms?.join() ?? 'all'}`;
}

/** @returns undefined for a tag whose manifest cannot be read */
function readable({ bytes, mediaType }: TagObject): Manifest | undefined {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof ManifestInvalidError) return undefined;
    throw error;
  }
}
