/** Chooses the images that `lifeboat sync IMAGE...` names. They replace those of the configuration for this run. */
import {
  NameInvalidError,
  formatReference,
  parseReference,
  pathOf,
  upstreamOf,
  type Reference,
} from '../../../core/reference.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import type { Configuration, ImageConfiguration } from '../../configuration/configuration.ts';
import { bareImage, selectionIn } from '../../configuration/image.ts';
import { maySelect } from '../../engine/selection/selection.ts';

/**
 * Finds the images that references name, by where they come from or by where they are served. A tag or a digest in a
 * reference replaces the selection of its entry; if a reference has both, the digest counts. If it has neither, the
 * entry selects as it does without a command line. An image without an entry is mirrored as if its reference stood in
 * the configuration.
 * @param texts if there is none, everything that the configuration lists is mirrored
 * @throws {UsageError} for a text that is no reference, for an unlisted image without a tag and a digest, and for a
 *   reference that could mean one of several entries
 */
export function chooseImages(
  configuration: Configuration,
  texts: readonly string[],
): readonly ImageConfiguration[] {
  if (texts.length === 0) return configuration.images;
  return texts.flatMap((text) => {
    const reference = parse(text);
    const entries = configuration.images.filter((image) => isNamedBy(image, reference));
    if (reference.tag === undefined && reference.digest === undefined) {
      if (entries.length > 0) return entries;
      throw new UsageError(
        `"${text}": the configuration does not list this image, so the reference has to name a tag or a digest, as in ${formatReference(reference)}:TAG.`,
      );
    }
    const found = entriesFor(text, reference, entries);
    const selected = selectionIn(reference);
    return (found.length === 0 ? [unlisted(configuration, reference)] : found).map((entry) =>
      Object.assign({}, entry, {
        tags: { explicit: selected.tags, rules: undefined },
        digests: selected.digests,
        digestName: selected.digestName,
      }),
    );
  });
}

function parse(text: string): Reference {
  if (text.startsWith('oci:')) {
    throw new UsageError(
      `"${text}": name an image layout by the name under which it is served, as in images.internal/app. The configuration has to list it.`,
    );
  }
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof NameInvalidError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/**
 * Returns the entries that select the tag or digest of a reference, among all entries that it may mean. The digest
 * decides if there is one. The tag beside it counts only if no entry pins that digest.
 */
export function selectingEntries(
  entries: readonly ImageConfiguration[],
  { tag, digest }: Reference,
): readonly ImageConfiguration[] {
  const pinning = entries.filter(({ digests }) => digest !== undefined && digests.includes(digest));
  if (pinning.length > 0) return pinning;
  return entries.filter(({ tags }) => tag !== undefined && maySelect(tags, tag));
}

function isNamedBy({ source, repository }: ImageConfiguration, reference: Reference): boolean {
  if (repository === reference.repository) return true;
  const { repository: wanted } = reference;
  return (
    source.kind === 'registry' && source.upstream === upstreamOf(wanted) && source.path === pathOf(wanted)
  );
}

/**
 * Finds the entries for a reference with a tag or a digest. Several entries may serve one name, each with other tags.
 * One image may also be served under several names, one per entry. It is then mirrored under all of them, as it is if
 * the reference has no tag.
 */
function entriesFor(
  text: string,
  reference: Reference,
  entries: readonly ImageConfiguration[],
): readonly ImageConfiguration[] {
  const selecting = selectingEntries(entries, reference);
  if (selecting.length > 0)
    return [...Map.groupBy(selecting, placeOf).values()].flatMap(([one]) => one ?? []);
  if (new Set(entries.map((entry) => placeOf(entry))).size > 1) {
    const lines = entries.map(({ line }) => line ?? '?').join(' and ');
    throw new UsageError(
      `"${text}": lines ${lines} of the configuration give this image different sources or names, and none of them selects this tag or digest. List it in one of them.`,
    );
  }
  return entries.slice(0, 1);
}

function placeOf({ source, repository }: ImageConfiguration): string {
  return JSON.stringify([source, repository]);
}

function unlisted({ defaults }: Configuration, { repository }: Reference): ImageConfiguration {
  const source = { kind: 'registry', upstream: upstreamOf(repository), path: pathOf(repository) } as const;
  return bareImage(source, repository, defaults);
}
