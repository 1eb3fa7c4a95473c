/** Makes a layout's `index.json`: the tags, the images that were exported by digest, and the referrers of both. */
import { REF_NAME } from '../../core/bucket-object.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import { OCI_INDEX } from '../../core/media-type.ts';
import { formatReference } from '../../core/reference.ts';
import type { ClosureWalk } from './closure.ts';

/**
 * Each referrer is an entry of its own, because readers of layouts (ORAS, `lifeboat sync`) find its image by its
 * manifest's `subject`. A referrer gets no fallback tag, because a mirror of all tags of the layout would then have a
 * tag that upstream never had. Fallback tags that upstream has are among the tags.
 */
export function layoutIndex(walks: readonly ClosureWalk[]): unknown {
  // The name is the tag alone, because `skopeo copy oci:DIR:TAG` takes that. Several repositories may share a tag, so
  // they get whole references.
  const isShared = walks.length > 1;
  const tags = walks.flatMap(({ roots, repository }) =>
    roots.map(({ tag, descriptor }) =>
      tag === undefined
        ? descriptor
        : {
            ...descriptor,
            annotations: {
              [REF_NAME]: isShared ? formatReference({ repository, tag, digest: undefined }) : tag,
            },
          },
    ),
  );
  const referrers = walks.flatMap((walk) =>
    [...walk.referrers.values()].map((referrer) => withoutName(referrer)),
  );
  return {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [...sorted(tags), ...sorted(unique(referrers))],
  };
}

/** Removes annotations of a referrer that could be read as the name of a tag. */
function withoutName({ annotations, ...descriptor }: Descriptor): Descriptor {
  const kept = Object.entries(annotations ?? {}).filter(
    ([name]) => name !== REF_NAME && name !== 'io.containerd.image.name',
  );
  return { ...descriptor, ...(kept.length > 0 && { annotations: Object.fromEntries(kept) }) };
}

function unique(descriptors: readonly Descriptor[]): Descriptor[] {
  return [...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

/** Sorts the entries, so that the same images give the same file, in whatever order they were found. */
function sorted(descriptors: readonly Descriptor[]): Descriptor[] {
  return descriptors.toSorted((a, b) => (rankOf(a) < rankOf(b) ? -1 : 1));
}

function rankOf({ annotations, digest }: Descriptor): string {
  return `${annotations?.[REF_NAME] ?? ''} ${digest}`;
}
