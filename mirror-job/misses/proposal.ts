/** Turns misses into entries for `images`, as far as the configuration does not select them yet. Pure. */
import type { Digest } from '../../core/digest.ts';
import { formatReference, repositoryOf, type Repository, type Tag } from '../../core/reference.ts';
import { isReferrerTag } from '../../core/tag-list.ts';
import type { Configuration, ImageConfiguration } from '../configuration/configuration.ts';
import { maySelect } from '../engine/selection/selection.ts';
import { onDemandImages } from '../on-demand/on-demand-images.ts';
import type { MissedImage } from './miss-log.ts';

/** One entry for `images`. It has a tag or a digest. */
export interface ProposedEntry {
  readonly source: string;
  /** The name under which the configuration serves this source, if that is another one. */
  readonly name?: string;
  /** The ones that were missed most often come first. */
  readonly tags: readonly Tag[];
  readonly digests: readonly Digest[];
  /** How many requests missed these tags and digests. */
  readonly requests: number;
}

export interface ProposedImage {
  /** As clients ask for it: the name under which it is served, with its tag or digest. */
  readonly image: string;
  readonly requests: number;
}

export interface Proposal {
  /** The ones that were missed most often come first. */
  readonly entries: readonly ProposedEntry[];
  /** The same tags and digests, each by itself. */
  readonly images: readonly ProposedImage[];
  /** How many missed images the configuration selects. */
  readonly selected: number;
  /** How many of these are selected only by patterns whose `latest` may leave them out. */
  readonly selectedByLatest: number;
  /** How many missed images `onDemand` allows, so that a job in a Worker mirrors them by itself. */
  readonly onDemand: number;
  /** Digests that are left out, because tags of the same repositories were missed too. */
  readonly digestsOfTags: number;
  /** Tags such as `sha256-….sig` that are left out, because they are mirrored with their image. */
  readonly referrerTags: number;
  /** Images whose name is served from image layouts, which have no further tags. */
  readonly ofLayouts: readonly string[];
}

export function propose(missed: readonly MissedImage[], configuration: Configuration): Proposal {
  const entriesByName = Map.groupBy(configuration.images, ({ repository }) => repository);
  const ofLayouts: string[] = [];
  const proposed: MissedImage[] = [];
  const counts = { selected: 0, selectedByLatest: 0, onDemand: 0, digestsOfTags: 0, referrerTags: 0 };
  for (const [repository, images] of Map.groupBy(missed, ({ reference }) => reference.repository)) {
    const entries = entriesByName.get(repository) ?? [];
    const isOfLayouts = entries.length > 0 && entries.every(({ source }) => source.kind === 'layout');
    const hasTags = images.some(({ reference: { tag } }) => tag !== undefined && !isReferrerTag(tag));
    for (const image of images) {
      const { tag, digest } = image.reference;
      const selecting = entriesThatSelect(image, entries);
      if (selecting.length > 0) {
        counts.selected += 1;
        if (selecting.every((entry) => mayLeaveOut(entry, tag))) counts.selectedByLatest += 1;
      } else if (tag !== undefined && isReferrerTag(tag)) counts.referrerTags += 1;
      else if (onDemandImages(configuration, [formatReference(image.reference)]).length > 0)
        counts.onDemand += 1;
      // A client that finds no tag here resolves it upstream, and then asks here for the digest.
      else if (digest !== undefined && hasTags) counts.digestsOfTags += 1;
      else if (isOfLayouts) ofLayouts.push(formatReference(image.reference));
      else proposed.push(image);
    }
  }
  const sorted = proposed.toSorted(byRequests((image) => formatReference(image.reference)));
  const entries = [...Map.groupBy(sorted, ({ reference }) => reference.repository)].map(
    ([repository, images]) => entryOf(repository, images, entriesByName.get(repository) ?? []),
  );
  return {
    entries: entries.toSorted(byRequests(({ source }) => source)),
    images: sorted.map(({ reference, requests }) => ({ image: formatReference(reference), requests })),
    ...counts,
    ofLayouts,
  };
}

/** @param entries the entries that serve the image's repository */
function entriesThatSelect(
  { reference: { tag, digest } }: MissedImage,
  entries: readonly ImageConfiguration[],
): readonly ImageConfiguration[] {
  return entries.filter(
    ({ tags, digests }) =>
      (digest !== undefined && digests.includes(digest)) || (tag !== undefined && maySelect(tags, tag)),
  );
}

function mayLeaveOut({ tags }: ImageConfiguration, tag: Tag | undefined): boolean {
  return tag !== undefined && !tags.explicit.includes(tag) && tags.rules?.latest !== undefined;
}

/** Sorts by requests, most of them first, and then by name, so that the same log always gives the same text. */
function byRequests<T extends { readonly requests: number }>(textOf: (one: T) => string) {
  return (one: T, other: T): number =>
    other.requests - one.requests || (textOf(one) < textOf(other) ? -1 : 1);
}

function entryOf(
  repository: Repository,
  images: readonly MissedImage[],
  configured: readonly ImageConfiguration[],
): ProposedEntry {
  const served = nameOf(repository);
  const source = sourceOf(configured) ?? served;
  return {
    source,
    ...(source !== served && { name: served }),
    tags: images.flatMap(({ reference: { tag } }) => (tag === undefined ? [] : [tag])),
    digests: images.flatMap(({ reference: { digest } }) => (digest === undefined ? [] : [digest])),
    requests: images.reduce((sum, { requests }) => sum + requests, 0),
  };
}

/** The registry that the name comes from already. Clients ask for the name, which may be one that no registry has. */
function sourceOf(configured: readonly ImageConfiguration[]): string | undefined {
  for (const { source } of configured) {
    if (source.kind === 'registry') return nameOf(repositoryOf(source.upstream, source.path));
  }
  return undefined;
}

function nameOf(repository: Repository): string {
  return formatReference({ repository, tag: undefined, digest: undefined });
}
