/** Brings an image back into the bucket from what still has it, by the copier and the publishing of a run. */
import type { Digest } from '../../../core/digest.ts';
import { blobOfKey, contentPrefixes, stateKey } from '../../../core/layout.ts';
import { formatReference, type Repository, type Tag } from '../../../core/reference.ts';
import type { TagObject } from '../../../core/tag-object.ts';
import { BlobCopier } from '../copy/blob-copy.ts';
import { createMemoryBudget } from '../copy/stored-manifest.ts';
import { showMoved } from '../run/moved-pages.ts';
import type { Environment } from '../environment.ts';
import { DEFAULT_SETTINGS, type Image } from '../image.ts';
import type { Finding } from '../report.ts';
import type { Platforms } from '../selection/platform.ts';
import { SourceError, type Source } from '../source.ts';
import { MaskingStore } from '../store/masking-store.ts';
import type { ReadableStore, Store } from '../store/store.ts';
import { FairShare } from '../support/fair-share.ts';
import { ImageCopier, type StoredImage } from '../tags/image-copier.ts';
import { moveByHand, MoveRefusedError, type HandOutcome } from '../tags/move-by-hand.ts';
import { findTag } from '../tags/publish.ts';
import { RepositoryState } from '../tags/repository-state.ts';
import { VisibilityCheck } from '../tags/visibility-check.ts';
import { hashStoredBlob } from '../transfer/stored-blob.ts';
import { rebuildCatalog } from '../verify/repair-derived.ts';
import { AvailableSource } from './available-source.ts';

export interface Rescue {
  /** The configuration's name. */
  readonly name: string;
  readonly repository: Repository;
  readonly tag: Tag | undefined;
  /** The digest that the caller names; undefined to take the one that the source has under its tag. */
  readonly digest: Digest | undefined;
  readonly source: Source;
  /** The tag in the source; undefined if the source is asked by digest alone. */
  readonly sourceTag: Tag | undefined;
  /** The images of the source that have no tag, for the message if the source lacks the tag. */
  readonly unnamed: readonly Digest[];
  /** The buckets that are written. Their blobs are hashed. */
  readonly buckets: readonly Pick<ReadableStore, 'stream'>[];
  readonly mustBePublic: boolean;
  /** For the history. */
  readonly why: (provenance: Provenance) => string;
  readonly by: string | undefined;
  /**
   * @param isKnown whether the bucket knows the digest already
   * @returns whether the image is another one than the original
   * @throws {MoveRefusedError} for an image that may not be served as it is
   */
  readonly admit: (digest: Digest, isKnown: boolean) => Promise<boolean>;
}

export interface Provenance {
  /** Whether the source has given a part of the image. Otherwise all of it was in the bucket. */
  readonly isFromSource: boolean;
  /** Whether it is another image than the original. */
  readonly isRewritten: boolean;
}

export interface Rescued extends Provenance {
  readonly digest: Digest;
  /** Which platforms are there; undefined for all. */
  readonly platforms: Platforms;
  /** The result of moving the tag; undefined if the image has no tag here, and the digest is kept as a pin. */
  readonly outcome: HandOutcome | undefined;
  /** Why the tag does not follow upstream, as before; undefined if it follows. */
  readonly hold: string | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Every manifest and blob is hashed, also those that the bucket has: what is right stays as it is, and the rest is completed.
 * @throws {MoveRefusedError} before the tag is moved
 * @throws {SourceError}, {StoreError} and {TagContendedError}
 */
export async function rescueImage(given: Environment, rescue: Rescue): Promise<Rescued> {
  const { repository, tag } = rescue;
  const digest = await resolve(rescue);
  const current = tag === undefined ? undefined : await findTag(given, repository, tag);
  const state = await RepositoryState.open(given, repository);
  const isKnown = current?.digest === digest || state.entries().some((entry) => entry.digest === digest);
  const isRewritten = await rescue.admit(digest, isKnown);
  refuseOtherDigest(rescue, digest, current);
  const environment = { ...given, store: withoutDamage(given, rescue) };
  const source = new AvailableSource(rescue.source, given.store, repository);
  const platforms = await source.platformsOf(digest);
  const findings: Finding[] = [];
  const stored = await copy(environment, rescue, { source, digest, platforms, state, findings });
  const provenance = { isFromSource: source.hasGiven, isRewritten };
  const why = rescue.why(provenance);
  const { outcome, hold } =
    tag === undefined
      ? await pin(given, state, digest, stored)
      : await publish(given, state, { ...rescue, why }, tag, stored);
  await showMoved(given, {
    name: rescue.name,
    repository,
    state,
    ...(tag !== undefined && { anew: new Set([tag]) }),
  });
  await rebuildCatalog(given, stateKey(rescue.name, 'catalog.json'), [repository], true);
  return { digest, platforms: stored.platforms, outcome, hold, findings, ...provenance };
}

/**
 * To a run, a manifest that is stored counts as complete, and a blob of the right size as right. Here the blobs may be missing
 * or damaged, so manifests and links are written anew, and each blob is hashed before it counts.
 */
function withoutDamage(environment: Environment, { repository, buckets }: Rescue): Store {
  const written = contentPrefixes(repository);
  return new MaskingStore(environment.store, async (key) => {
    const digest = blobOfKey(key);
    if (digest === undefined) return written.some((prefix) => key.startsWith(prefix));
    for (const bucket of buckets) {
      if ((await hashStoredBlob(environment, bucket, digest)) === 'damaged') return true;
    }
    return false;
  });
}

async function resolve({ repository, tag, source, sourceTag, unnamed, digest }: Rescue): Promise<Digest> {
  if (digest !== undefined) return digest;
  const resolved = sourceTag === undefined ? undefined : await source.resolve(sourceTag);
  if (resolved !== undefined) return resolved.digest;
  const tags = await source.tags().catch((error: unknown) => {
    if (error instanceof SourceError) return [];
    throw error;
  });
  const has = tags.length === 0 ? '' : ` It has: ${tags.slice(0, 10).join(', ')}.`;
  const [first] = unnamed;
  const image = first && formatReference({ repository, tag, digest: first });
  const nameless =
    image === undefined
      ? ''
      : ` It has images without a tag: ${unnamed.slice(0, 10).join(', ')}. Name the digest that you want, as in ${image}.`;
  throw new SourceError(`${source.name} has no tag "${sourceTag ?? ''}".${has}${nameless}`);
}

/** A tag that the bucket serves moves only to a digest that somebody has named. */
function refuseOtherDigest(
  { repository, tag, digest: named, source }: Pick<Rescue, 'repository' | 'tag' | 'digest' | 'source'>,
  digest: Digest,
  current: TagObject | undefined,
): void {
  if (named !== undefined || current === undefined || current.digest === digest) return;
  const image = formatReference({ repository, tag, digest: undefined });
  throw new MoveRefusedError(
    `the bucket has ${image} at ${current.digest}, and ${source.name} has ${digest}. To move the tag, name the digest: ${image}@${digest}.`,
  );
}

async function copy(
  environment: Environment,
  { repository, mustBePublic }: Rescue,
  what: {
    readonly source: Source;
    readonly digest: Digest;
    readonly platforms: Platforms;
    readonly state: RepositoryState;
    readonly findings: Finding[];
  },
): Promise<StoredImage> {
  const { source, digest, platforms, state, findings } = what;
  const image: Image = {
    ...DEFAULT_SETTINGS,
    repository,
    source,
    neighbours: [],
    mustBePublic,
    ...(platforms !== undefined && { platforms }),
  };
  const copier = new ImageCopier({
    environment,
    image,
    state,
    visibility: new VisibilityCheck(image),
    blobs: new BlobCopier(environment, new FairShare(environment.limits.blobs)),
    memoryBudget: createMemoryBudget(),
    findings,
  });
  return copier.copy({ digest });
}

async function publish(
  environment: Environment,
  state: RepositoryState,
  rescue: Omit<Rescue, 'why'> & { readonly why: string },
  tag: Tag,
  { root }: StoredImage,
): Promise<Pick<Rescued, 'outcome' | 'hold'>> {
  const { repository, why, by } = rescue;
  let hold: string | undefined;
  const outcome = await moveByHand(environment, state, { repository, tag }, async (current) => {
    // A run may have published the tag since the copy began.
    refuseOtherDigest(rescue, root.digest, current);
    hold = current?.hold;
    return { target: root, why, by, hold, isRecordedAnyway: true };
  });
  return { outcome, hold };
}

async function pin(
  { clock }: Environment,
  state: RepositoryState,
  digest: Digest,
  { root, platforms, referrersChecked }: StoredImage,
): Promise<Pick<Rescued, 'outcome' | 'hold'>> {
  await state.note({
    kind: 'pin',
    mediaType: root.manifest.mediaType,
    digest,
    size: root.size,
    // Also for a digest that is pinned already: pruning goes by this time, and may have condemned it.
    firstSeen: clock.now().toISOString(),
    referrersChecked,
    platforms,
  });
  await state.flush();
  return { outcome: undefined, hold: undefined };
}
