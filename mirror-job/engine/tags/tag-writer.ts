/** Writes a tag of the bucket, and notes it in the repository's index afterwards. */
import type { Tag } from '../../../core/reference.ts';
import type { TagEntry } from '../../../core/repository-index.ts';
import { isSameRecord } from '../copy/sparse-images.ts';
import type { Environment } from '../environment.ts';
import type { Outcome } from '../report.ts';
import type { Image } from '../image.ts';
import { SourceError } from '../source.ts';
import type { ImageCopier, StoredImage } from './image-copier.ts';
import { publishTag } from './publish.ts';
import type { RepositoryState } from './repository-state.ts';
import { forgetSurplus } from './tag-memory.ts';
import type { CurrentTarget, ObservedDigest } from './tag-policy.ts';

/** The details of an update, beside the image that the tag is to name. */
export interface TagUpdate {
  /** The digest that the tag has until then; undefined if there is no tag. */
  readonly current: CurrentTarget | undefined;
  /** When upstream showed the digest, for the index. */
  readonly observed: ObservedDigest;
  /** For the history. */
  readonly why?: string;
  /** Work that must be done before the tag is written. */
  readonly ready?: Promise<void>;
}

export class TagWriter {
  readonly #environment: Environment;
  readonly #image: Pick<Image, 'repository' | 'source'>;
  readonly #state: RepositoryState;
  readonly #copier: ImageCopier;

  constructor(
    environment: Environment,
    image: Pick<Image, 'repository' | 'source'>,
    state: RepositoryState,
    copier: ImageCopier,
  ) {
    this.#environment = environment;
    this.#image = image;
    this.#state = state;
    this.#copier = copier;
  }

  /**
   * Points a tag at a stored image. A hold stays while the tag names the same digest.
   * @returns `conflict` if another run has moved or held the tag meanwhile: nothing was moved
   * @throws {StoreError}
   */
  async publish(
    tag: Tag,
    { root, platforms, referrersChecked }: StoredImage,
    { current, observed: { firstSeen, returned, sightings }, why, ready }: TagUpdate,
  ): Promise<Outcome | 'conflict'> {
    const hold = current?.digest === root.digest ? current.hold : undefined;
    const outcome = await publishTag(this.#environment, this.#image.repository, tag, root, {
      expected: current?.digest,
      keepsHold: true,
      hold,
      platforms,
      ...(why !== undefined && { why }),
      ...(ready !== undefined && { ready }),
    });
    if (outcome === 'conflict') return outcome;
    await this.#state.note({
      kind: 'tag',
      tag,
      mediaType: root.manifest.mediaType,
      digest: root.digest,
      size: root.size,
      firstSeen,
      returned,
      sightings,
      referrersChecked,
      hold,
      platforms,
    });
    forgetSurplus(this.#state, tag, { digest: root.digest, firstSeen, returned, sightings });
    return outcome;
  }

  /**
   * Looks for what belongs to a tag that stays where it is, if that is due: new signatures arrive after their image, and
   * the configuration may want more platforms.
   * @param hasTurn whether the caller has its turn for manifests of upstream already. If not, children wait for one
   * @returns what to note of the tag; the entry itself if nothing was due
   * @throws {SourceError}
   * @throws {StoreError}
   */
  async refresh(entry: TagEntry, hasTurn: boolean): Promise<TagEntry> {
    if (this.#copier.isUpToDate(entry)) return entry;
    const { upstream } = this.#image.source;
    const store = (): Promise<StoredImage> => this.#copier.store({ digest: entry.digest }, entry);
    const needsTurn = !hasTurn && upstream !== undefined && !this.#copier.hasAllPlatforms(entry);
    const { root, platforms, referrersChecked } = await (needsTurn ? upstream.inTurn(store) : store());
    if (!isSameRecord(platforms, entry.platforms)) {
      await this.#recordPlatforms(entry, { root, platforms, referrersChecked });
    }
    return { ...entry, platforms, referrersChecked };
  }

  /** The tag keeps its digest and its hold. @throws {SourceError} if another run has moved it */
  async #recordPlatforms({ tag, digest, hold }: TagEntry, { root, platforms }: StoredImage): Promise<void> {
    const { repository } = this.#image;
    const move = { expected: digest, why: 'other platforms', keepsHold: true, hold, platforms };
    const outcome = await publishTag(this.#environment, repository, tag, root, move);
    if (outcome !== 'conflict') return;
    // The index is wrong about the tag, so the next run has to read the tag itself.
    await this.#state.unlist(tag);
    throw new SourceError(
      `${repository}:${tag} is not at the digest where this run expected it. The next run looks at it again.`,
    );
  }
}
