/** Stores manifests of one image with all that belongs to them: children, blobs, referrers and signature tags. */
import type { Digest } from '../../../core/digest.ts';
import type { Tag } from '../../../core/reference.ts';
import type { BlobWriter } from '../copy/blob-copy.ts';
import { ManifestCopier } from '../copy/manifest-copy.ts';
import type { StoredManifest } from '../copy/stored-manifest.ts';
import type { Platforms } from '../selection/platform.ts';
import { ReferrerCopier } from '../copy/referrer-copy.ts';
import { referrersAreDue, type ReferrerTimes } from '../copy/referrer-schedule.ts';
import { SparseImages, type Recorded } from '../copy/sparse-images.ts';
import type { Environment } from '../environment.ts';
import type { Finding } from '../report.ts';
import type { Image } from '../image.ts';
import type { Resolved } from '../source.ts';
import type { MemoryBudget } from '../support/memory-budget.ts';
import { referrersFinding } from './hold-text.ts';
import type { RepositoryState } from './repository-state.ts';
import { SignatureTags } from './signature-tags.ts';
import type { VisibilityCheck } from './visibility-check.ts';

/** A manifest that is stored with all that belongs to it. */
export interface StoredImage {
  readonly root: StoredManifest;
  /** Which platforms are stored; undefined for all. */
  readonly platforms: Platforms;
  /** When upstream was last asked for the referrers; undefined if never. ISO 8601, UTC. */
  readonly referrersChecked: string | undefined;
}

export interface ImageCopierOptions {
  readonly environment: Environment;
  readonly image: Image;
  readonly state: RepositoryState;
  readonly visibility: VisibilityCheck;
  readonly blobs: BlobWriter;
  /** Bounds what the copiers of a run remember together. */
  readonly memoryBudget: Pick<MemoryBudget, 'keep'>;
  /** Gets a finding for each image that has too many referrers. */
  readonly findings: Finding[];
}

export class ImageCopier {
  readonly #clock: Environment['clock'];
  readonly #image: Image;
  readonly #visibility: VisibilityCheck;
  readonly #findings: Finding[];
  readonly #manifests: ManifestCopier;
  readonly #referrers: ReferrerCopier;
  readonly #signatures: SignatureTags;
  readonly #sparse: SparseImages;
  /** The images that have a finding already. */
  readonly #excessive = new Set<Digest>();

  constructor(options: ImageCopierOptions) {
    const { environment, image, state, visibility, blobs, memoryBudget, findings } = options;
    const { repository } = image;
    this.#clock = environment.clock;
    this.#image = image;
    this.#visibility = visibility;
    this.#findings = findings;
    this.#manifests = new ManifestCopier(
      environment,
      repository,
      blobs,
      (digest) => visibility.refusePrivateBelow(digest),
      memoryBudget,
      image.maxBlobBytes,
    );
    this.#referrers = new ReferrerCopier(environment, repository, this.#manifests, memoryBudget);
    this.#signatures = new SignatureTags({
      environment,
      repository,
      state,
      manifests: this.#manifests,
      referrers: this.#referrers,
    });
    this.#sparse = new SparseImages(environment, image);
  }

  /** As `SignatureTags.spare`: a list of tags saves requests for signature tags. */
  spareSignatureTags(listed: readonly Tag[] | undefined, selected: readonly Tag[]): void {
    this.#signatures.spare(listed, selected);
  }

  /** Whether the record of a stored digest says that nothing has to be asked of upstream. */
  isUpToDate(record: ReferrerTimes & Recorded): boolean {
    const { referrersEveryMs } = this.#image;
    return !referrersAreDue(record, referrersEveryMs, this.#clock.now()) && this.hasAllPlatforms(record);
  }

  /** Whether the record of a stored digest has every platform that the image is to have. */
  hasAllPlatforms(record: Recorded): boolean {
    return this.#sparse.isWhole(record);
  }

  /**
   * Stores what upstream shows.
   * @param record of this digest, if there is one
   * @throws {SourceError}
   * @throws {StoreError}
   */
  async copy(resolved: Resolved, record?: Recorded): Promise<StoredImage> {
    await this.#visibility.refusePrivate(resolved.digest);
    return this.store(resolved, record);
  }

  /**
   * Stores a digest that the index has a record of. Upstream is asked only for referrers that are due, and for objects that
   * got lost.
   * @throws {SourceError}
   * @throws {StoreError}
   */
  recall(record: { readonly digest: Digest } & ReferrerTimes & Recorded): Promise<StoredImage> {
    const checked = this.isUpToDate(record) ? record.referrersChecked : undefined;
    return this.store({ digest: record.digest }, record, checked);
  }

  /**
   * Stores a manifest without asking whether it may be public: only a manifest that the bucket lacks raises that
   * question.
   * @param record of this digest, if there is one
   * @param referrersChecked when upstream was asked for the referrers, if that is not due again. ISO 8601, UTC
   * @throws {SourceError}
   * @throws {StoreError}
   */
  async store(resolved: Resolved, record?: Recorded, referrersChecked?: string): Promise<StoredImage> {
    const { source, referrersEveryMs } = this.#image;
    const wanted = this.#sparse.wanted(record);
    const root = await this.#manifests.ensureImage(resolved, source, wanted);
    const isAsked = referrersEveryMs !== false && referrersChecked === undefined;
    const { digests, excess } = await this.#referrers.ensure(root, source, isAsked);
    const excessTags = isAsked ? await this.#signatures.ensure(root, digests, source) : undefined;
    this.#reportExcess(resolved.digest, excess ?? excessTags);
    return {
      root,
      platforms: this.#sparse.record(root, wanted),
      referrersChecked: isAsked ? this.#clock.now().toISOString() : referrersChecked,
    };
  }

  /** Reports an image once, however many tags it has. */
  #reportExcess(digest: Digest, excess: string | undefined): void {
    if (excess === undefined || this.#excessive.has(digest)) return;
    this.#excessive.add(digest);
    const { repository, source } = this.#image;
    this.#findings.push(referrersFinding(repository, source.name, digest, excess));
  }
}
