/** Which images are mirrored because clusters use them, and by which settings. Pure. */
import { isNamedByTextAlone, usedWithin, type InUseImage, type InUseList } from '../../core/in-use-list.ts';
import { parseReference, upstreamOf, type Reference, type Repository } from '../../core/reference.ts';
import type { Configuration, ImageConfiguration, InUseRule } from '../configuration/configuration.ts';
import {
  entryFor,
  groupImages,
  isListed,
  placeOf,
  type AllowedReference,
} from '../on-demand/on-demand-images.ts';
import { isFor } from './in-use-lists.ts';

/**
 * Returns the images that clusters use and no entry of `images` mirrors in each run anyway: tags, by the policy of their rule, and
 * the digests that run. The first rule that allows an image counts. An image that only a text names is left out, because it may be
 * another thing.
 */
export function inUseImages(
  { images, inUse }: Pick<Configuration, 'images' | 'inUse'>,
  lists: ReadonlyMap<string, InUseList>,
): readonly ImageConfiguration[] {
  const allowed = new Map<string, AllowedReference>();
  for (const [index, rule] of inUse.entries()) {
    for (const [cluster, list] of lists) {
      if (!isFor(rule, cluster)) continue;
      for (const image of usedWithin(list, rule.keepMs)) {
        for (const reference of referencesOf(image)) {
          const key = `${reference.repository} ${reference.tag} ${reference.digest}`;
          if (
            allowed.has(key) ||
            !allowsRepository(rule, reference.repository) ||
            isListed(images, reference)
          )
            continue;
          const settings = settingsFor(images, rule, `inUse[${index}]`, reference);
          if (settings !== undefined) allowed.set(key, { ...settings, reference });
        }
      }
    }
  }
  return groupImages([...allowed.values()]);
}

/** A tag and what runs under it are two things to mirror: the tag may have moved since. */
function referencesOf(image: InUseImage): readonly Reference[] {
  if (isNamedByTextAlone(image)) return [];
  const { repository, tag, digest: named } = parseReference(image.reference);
  const digests = new Set([named, image.digest].filter((one) => one !== undefined));
  return [
    // Beside a digest, a tag is only a name for people.
    ...(tag === undefined || named !== undefined ? [] : [{ repository, tag, digest: undefined }]),
    ...[...digests].map((one) => ({ repository, tag: undefined, digest: one })),
  ];
}

/** Whether a rule is for a repository, whatever cluster uses it. */
export function allowsRepository(
  { upstreams, include, exclude }: InUseRule,
  repository: Repository,
): boolean {
  return (
    upstreams.has(upstreamOf(repository)) &&
    (include.length === 0 || include.some(({ matches }) => matches(repository))) &&
    !exclude.some(({ matches }) => matches(repository))
  );
}

function settingsFor(
  images: readonly ImageConfiguration[],
  rule: InUseRule,
  path: string,
  reference: Reference,
): Omit<AllowedReference, 'reference'> | undefined {
  const entry = entryFor(images, reference);
  if (entry === 'other source') return undefined;
  if (entry !== undefined) return { entry: entry.path, base: entry.image };
  const { platforms, referrersEveryMs, moves, immutable, public: isPublic, line } = rule;
  const nothing = { tags: { explicit: [], rules: undefined }, digests: [] };
  return {
    entry: path,
    base: {
      ...placeOf(reference),
      platforms,
      referrersEveryMs,
      moves,
      immutable,
      public: isPublic,
      line,
      ...nothing,
    },
  };
}
