/** Which images may be mirrored on demand, and by which settings. Pure. */
import {
  NameInvalidError,
  parseReference,
  pathOf,
  upstreamOf,
  type Reference,
  type Tag,
} from '../../core/reference.ts';
import type { Digest } from '../../core/digest.ts';
import type { Configuration, ImageConfiguration, OnDemandRule } from '../configuration/configuration.ts';
import { maySelect } from '../engine/selection/selection.ts';

/**
 * Returns the images for references that `onDemand` allows. All references of a repository that one entry allows become one
 * image. A tag that an entry of `images` selects gets the settings of that entry.
 * @param texts with a tag or a digest, as `formatReference` writes them; others are left out
 */
export function onDemandImages(
  configuration: Configuration,
  texts: readonly string[],
): readonly ImageConfiguration[] {
  return groupImages(
    texts.flatMap((text) => {
      const reference = referenceOf(text);
      const settings = reference === undefined ? undefined : settingsFor(configuration, reference);
      return reference === undefined || settings === undefined ? [] : [{ ...settings, reference }];
    }),
  );
}

/** A reference, and the settings by which it is mirrored. */
export interface AllowedReference {
  readonly reference: Reference;
  /** The path of the entry that allows it. */
  readonly entry: string;
  /** Its tags and digests do not count. */
  readonly base: ImageConfiguration;
}

/** Makes one image of all references of a repository that one entry allows. */
export function groupImages(allowed: readonly AllowedReference[]): readonly ImageConfiguration[] {
  const groups = new Map<string, { base: ImageConfiguration; tags: Set<Tag>; digests: Set<Digest> }>();
  for (const { reference, entry, base } of allowed) {
    const key = `${base.repository} ${entry}`;
    const group = groups.get(key) ?? { base, tags: new Set(), digests: new Set() };
    groups.set(key, group);
    if (reference.digest !== undefined) group.digests.add(reference.digest);
    else if (reference.tag !== undefined) group.tags.add(reference.tag);
  }
  return [...groups.values()].map(({ base, tags, digests }) =>
    Object.assign({}, base, {
      tags: { explicit: [...tags], rules: undefined },
      digests: [...digests],
      digestName: undefined,
    }),
  );
}

/**
 * Adds the images that were mirrored on demand to those that the configuration lists, so that a run mirrors both.
 * @param references that were mirrored once
 */
export function withDemanded(configuration: Configuration, references: readonly string[]): Configuration {
  const unlisted = references.filter((text) => !isListed(configuration.images, referenceOf(text)));
  return {
    ...configuration,
    images: [...configuration.images, ...onDemandImages(configuration, unlisted)],
  };
}

/** @returns undefined for a text that names no tag and no digest */
function referenceOf(text: string): Reference | undefined {
  try {
    const reference = parseReference(text);
    return reference.tag === undefined && reference.digest === undefined ? undefined : reference;
  } catch (error) {
    if (error instanceof NameInvalidError) return undefined;
    throw error;
  }
}

/** Whether an entry surely mirrors it in each run. Rules that count tags may leave it out. */
export function isListed(images: readonly ImageConfiguration[], reference: Reference | undefined): boolean {
  return images.some(
    (image) =>
      image.repository === reference?.repository && selects(image, reference) && isSteady(image, reference),
  );
}

function isSteady({ tags: { explicit, rules } }: ImageConfiguration, { tag, digest }: Reference): boolean {
  if (digest !== undefined || (tag !== undefined && explicit.includes(tag))) return true;
  return rules !== undefined && rules.latest === undefined && rules.minTags === 0;
}

function selects({ tags, digests }: ImageConfiguration, { tag, digest }: Reference): boolean {
  return digest === undefined ? tag !== undefined && maySelect(tags, tag) : digests.includes(digest);
}

/**
 * @returns the settings, and the path of the entry that they come from; undefined if `onDemand` does not allow the reference
 */
function settingsFor(
  { images, onDemand }: Configuration,
  reference: Reference,
): { readonly entry: string; readonly base: ImageConfiguration } | undefined {
  const index = onDemand.findIndex((one) => allowsOnDemand(one, reference));
  const rule = onDemand[index];
  if (rule === undefined) return undefined;
  const { upstream: _upstream, path: _path, isForDigests: _isForDigests, ...settings } = rule;
  const entry = entryFor(images, reference);
  if (entry === 'other source') return undefined;
  return entry === undefined
    ? { entry: `onDemand[${index}]`, base: { ...settings, ...placeOf(reference), digests: [] } }
    : { entry: entry.path, base: { ...entry.image, maxBlobBytes: rule.maxBlobBytes } };
}

/** @returns what an image of an upstream has because of its name alone */
export function placeOf({
  repository,
}: Reference): Pick<ImageConfiguration, 'source' | 'repository' | 'position'> {
  const source = { kind: 'registry', upstream: upstreamOf(repository), path: pathOf(repository) } as const;
  return { source, repository, position: undefined };
}

/**
 * Finds the entry of `images` whose settings a reference gets.
 * @returns undefined if no entry selects it; `other source` if its name belongs to another source, so that a tag of that name is
 *   not one of its upstream's
 */
export function entryFor(
  images: readonly ImageConfiguration[],
  reference: Reference,
): { readonly path: string; readonly image: ImageConfiguration } | 'other source' | undefined {
  const source = JSON.stringify(placeOf(reference).source);
  const own = images.filter(({ repository }) => repository === reference.repository);
  const isOurs = (image: ImageConfiguration): boolean => JSON.stringify(image.source) === source;
  const image = own.find((one) => isOurs(one) && selects(one, reference));
  if (image !== undefined) return { path: `images[${image.position}]`, image };
  return own.every(isOurs) ? undefined : 'other source';
}

export function allowsOnDemand(
  { upstream, path, tags, isForDigests }: OnDemandRule,
  reference: Reference,
): boolean {
  const { repository, tag, digest } = reference;
  return (
    upstream === upstreamOf(repository) &&
    path.matches(pathOf(repository)) &&
    (digest === undefined ? tag !== undefined && maySelect(tags, tag) : isForDigests)
  );
}
