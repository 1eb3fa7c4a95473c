/** Joins what several clusters run, and leaves out what the drill is not about. */
import { isNamedByTextAlone, usedWithin, type InUseImage, type InUseList } from '../../core/in-use-list.ts';
import { parseReference, upstreamOf, type Upstream } from '../../core/reference.ts';
import type { DrilledImage } from './observation.ts';

const DAY_MS = 24 * 3_600_000;

export interface ImagesInUse {
  /** Sorted by upstream, name and digest. */
  readonly images: readonly DrilledImage[];
  /** How many names are left out because only a text has them, so that they may be another thing. */
  readonly textOnly: number;
  /** Every upstream of the lists, sorted. */
  readonly upstreams: readonly Upstream[];
}

/**
 * Takes what each cluster used within a day before it was last looked at. A list also keeps what was used before that. A day,
 * because several jobs may publish parts of one cluster, and one of them may have seen less than usual.
 * @param upstreams only images of these; empty for all
 */
export function imagesInUse(
  lists: readonly InUseList[],
  upstreams: ReadonlySet<Upstream> = new Set(),
): ImagesInUse {
  const found = lists.flatMap((list) =>
    usedWithin(list, DAY_MS).map((image) => ({
      image: drilledFrom(list.cluster, image),
      isText: isNamedByTextAlone(image),
    })),
  );
  const wanted = found.filter(
    ({ image }) => upstreams.size === 0 || upstreams.has(upstreamOf(image.reference.repository)),
  );
  const byName = Map.groupBy(
    wanted.filter(({ isText }) => !isText).map(({ image }) => image),
    keyOf,
  );
  return {
    images: [...byName]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([, images]) => images.reduce(joined)),
    textOnly: new Set(wanted.filter(({ isText }) => isText).map(({ image }) => keyOf(image))).size,
    upstreams: [...new Set(found.map(({ image }) => upstreamOf(image.reference.repository)))].toSorted(),
  };
}

function drilledFrom(
  cluster: string,
  { reference: text, digest, platforms, uses, useCount }: InUseImage,
): DrilledImage {
  const reference = parseReference(text);
  return {
    reference,
    digest: reference.digest ?? digest,
    platforms: platforms?.toSorted(),
    clusters: [cluster],
    uses: uses.map((use) => ({ cluster, ...use })),
    useCount,
  };
}

/** The key begins with the repository, and so with the upstream. No name has a space. */
function keyOf({ reference: { repository, tag, digest: named }, digest }: DrilledImage): string {
  return `${repository} ${tag ?? ''} ${named ?? ''} ${digest ?? ''}`;
}

function joined(one: DrilledImage, other: DrilledImage): DrilledImage {
  const platforms =
    one.platforms === undefined && other.platforms === undefined
      ? undefined
      : [...new Set([...(one.platforms ?? []), ...(other.platforms ?? [])])].toSorted();
  return {
    ...one,
    platforms,
    clusters: [...new Set([...one.clusters, ...other.clusters])].toSorted(),
    uses: [...one.uses, ...other.uses],
    useCount: one.useCount + other.useCount,
  };
}
