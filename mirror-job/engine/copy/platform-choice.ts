/** Which children of an index are taken for a subset of its platforms. Pure; the index itself is never rewritten. */
import type { Descriptor } from '../../../core/descriptor.ts';
import type { Digest } from '../../../core/digest.ts';
import { isUnknown, isWanted, parsePlatform, spellPlatform, type Platforms } from './platform.ts';

/** Buildkit's: the image that an attestation, a child of the same index, is about. */
const ABOUT = 'vnd.docker.reference.digest';

/** Platforms, each in its one spelling. */
export interface ChosenPlatforms {
  /** Of which something was taken. */
  readonly taken: readonly string[];
  /** Of which something was left out. */
  readonly left: readonly string[];
}

export const NO_PLATFORMS: ChosenPlatforms = { taken: [], left: [] };

export interface Choice extends ChosenPlatforms {
  readonly children: readonly Descriptor[];
}

/**
 * A child whose platform is wanted is taken, and so is one that names none: it may be for all of them, or an index
 * of its own. An attestation goes with its image.
 */
export function chooseChildren(children: readonly Descriptor[], platforms: Platforms): Choice {
  if (platforms === undefined) return { children, ...NO_PLATFORMS };
  const wanted = platforms.flatMap((text) => parsePlatform(text) ?? []);
  const images = new Map(children.map((child): [string, Descriptor] => [child.digest, child]));
  const taken = new Set<string>();
  const left = new Set<string>();
  const kept = children.filter((child) => {
    const about = images.get(child.annotations?.[ABOUT] ?? '') ?? child;
    const { platform } = about;
    if (platform === undefined || isUnknown(platform)) return true;
    const chosen = wanted.some((one) => isWanted(platform, one));
    (chosen ? taken : left).add(spellPlatform(platform));
    return chosen;
  });
  return { children: kept, taken: [...taken], left: [...left] };
}

export function joinChoices(choices: readonly ChosenPlatforms[]): ChosenPlatforms {
  return {
    taken: [...new Set(choices.flatMap(({ taken }) => taken))].toSorted(),
    left: [...new Set(choices.flatMap(({ left }) => left))].toSorted(),
  };
}

/** An image of which nothing is for the platforms that are wanted: a sentence, or undefined where there is something. */
export function complaintAbout(
  name: string,
  digest: Digest,
  platforms: Platforms,
  { taken, left }: ChosenPlatforms,
): string | undefined {
  if (platforms === undefined || taken.length > 0 || left.length === 0) return undefined;
  return `${name}: ${digest} has nothing for ${platforms.join(', ')}. It has: ${left.join(', ')}. Change "platforms" at the image.`;
}
