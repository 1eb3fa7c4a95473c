/** Chooses the children of an index for a subset of its platforms. Pure. The index itself is never rewritten. */
import type { Descriptor } from '../../../core/descriptor.ts';
import type { Digest } from '../../../core/digest.ts';
import { isUnknown, isWanted, parsePlatform, spellPlatform, type Platforms } from './platform.ts';

/** BuildKit's annotation of an attestation: the digest of the image, in the same index, that it is about. */
const IMAGE_ANNOTATION = 'vnd.docker.reference.digest';

/** The platforms of an index, normalized. */
export interface ChosenPlatforms {
  /** Platforms with a child that was taken. */
  readonly taken: readonly string[];
  /** Platforms with a child that was left out. */
  readonly leftOut: readonly string[];
}

export const NO_PLATFORMS: ChosenPlatforms = { taken: [], leftOut: [] };

export interface Choice extends ChosenPlatforms {
  readonly children: readonly Descriptor[];
}

/**
 * Takes each child whose platform is wanted, and each child that names none, because it may be for all platforms or an index.
 * An attestation goes with its image.
 */
export function chooseChildren(children: readonly Descriptor[], platforms: Platforms): Choice {
  if (platforms === undefined) return { children, ...NO_PLATFORMS };
  const wanted = platforms.flatMap((text) => parsePlatform(text) ?? []);
  const images = new Map(children.map((child): [string, Descriptor] => [child.digest, child]));
  const taken = new Set<string>();
  const leftOut = new Set<string>();
  const chosen = children.filter((child) => {
    const image = images.get(child.annotations?.[IMAGE_ANNOTATION] ?? '') ?? child;
    const { platform } = image;
    if (platform === undefined || isUnknown(platform)) return true;
    const isChosen = wanted.some((one) => isWanted(platform, one));
    (isChosen ? taken : leftOut).add(spellPlatform(platform));
    return isChosen;
  });
  return { children: chosen, taken: [...taken], leftOut: [...leftOut] };
}

export function joinChoices(choices: readonly ChosenPlatforms[]): ChosenPlatforms {
  return {
    taken: [...new Set(choices.flatMap(({ taken }) => taken))].toSorted(),
    leftOut: [...new Set(choices.flatMap(({ leftOut }) => leftOut))].toSorted(),
  };
}

/** @returns a sentence about an image that has nothing for the wanted platforms; undefined if it has something */
export function complaintAbout(
  name: string,
  digest: Digest,
  platforms: Platforms,
  { taken, leftOut }: ChosenPlatforms,
): string | undefined {
  if (platforms === undefined || taken.length > 0 || leftOut.length === 0) return undefined;
  return `${name}: ${digest} has nothing for ${platforms.join(', ')}. It has: ${leftOut.join(', ')}. Change "platforms" at the image.`;
}
