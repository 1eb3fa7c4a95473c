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
  const groups = new Map<string, { base: ImageConfiguration; tags: Set<Tag>; digests: Set<Digest> }>();
  for (const text of texts) {
    const reference = referenceOf(text);
    const settings = reference === undefined ? undefined : settingsFor(configuration, reference);
    if (reference === undefined || settings === undefined) continue;
    const { entry, base } = settings;
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
function isListed(images: readonly ImageConfiguration[], reference: Reference | undefined): boolean {
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
  const index = onDemand.findIndex((one) => allows(one, reference));
  const rule = onDemand[index];
  if (rule === undefined) return undefined;
  const { repository } = reference;
  const { upstream, path: _path, isForDigests: _isForDigests, ...settings } = rule;
  const source = { kind: 'registry', upstream, path: pathOf(repository) } as const;
  for (const [position, image] of images.entries()) {
    if (image.repository !== repository) continue;
    // The name belongs to another source, so its other tags are not those of this upstream.
    if (JSON.stringify(image.source) !== JSON.stringify(source)) return undefined;
    if (!selects(image, reference)) continue;
    return { entry: `images[${position}]`, base: { ...image, maxBlobBytes: rule.maxBlobBytes } };
  }
  return { entry: `onDemand[${index}]`, base: { ...settings, source, repository, digests: [] } };
}

function allows({ upstream, path, tags, isForDigests }: OnDemandRule, reference: Reference): boolean {
  const { repository, tag, digest } = reference;
  return (
    upstream === upstreamOf(repository) &&
    path.matches(pathOf(repository)) &&
    (digest === undefined ? tag !== undefined && maySelect(tags, tag) : isForDigests)
  );
}
