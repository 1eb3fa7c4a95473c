/** Which children of an index a node pulls. Pure. */
import type { Descriptor } from '../../core/descriptor.ts';
import { isLayer } from '../engine/graph/edges.ts';
import { isUnknown, isWanted, parsePlatform } from '../engine/selection/platform.ts';

/** 32-bit programs run on these too. containerd's `platforms.Only` has the same order. */
const OLDER: Readonly<Record<string, readonly string[]>> = {
  amd64: ['386'],
  'amd64/v2': ['amd64', '386'],
  'amd64/v3': ['amd64/v2', 'amd64', '386'],
  'amd64/v4': ['amd64/v3', 'amd64/v2', 'amd64', '386'],
  arm64: ['arm/v8', 'arm/v7', 'arm/v6', 'arm/v5'],
  'arm/v8': ['arm/v7', 'arm/v6', 'arm/v5'],
  'arm/v7': ['arm/v6', 'arm/v5'],
  'arm/v6': ['arm/v5'],
};

/**
 * Returns the children that a node of a platform pulls: those for it, or for the next one that it runs too, or those that name
 * no platform. Empty if the node finds nothing.
 * @param platform `linux/arm64`. One that is not understood matches what names no platform
 */
export function childrenFor(children: readonly Descriptor[], platform: string): readonly Descriptor[] {
  const manifests = children.filter((child) => !isLayer(child));
  for (const name of namesOf(platform)) {
    const wanted = parsePlatform(name);
    if (wanted === undefined) continue;
    const found = manifests.filter(
      (child) => child.platform !== undefined && isWanted(child.platform, wanted),
    );
    if (found.length > 0) return found;
  }
  return manifests.filter((child) => child.platform === undefined);
}

/** Returns the children for any platform: all but attestations, which name an unknown one. */
export function childrenForNodes(children: readonly Descriptor[]): readonly Descriptor[] {
  return children.filter(
    (child) => !isLayer(child) && (child.platform === undefined || !isUnknown(child.platform)),
  );
}

function namesOf(platform: string): readonly string[] {
  const [os = '', ...rest] = platform.split('/');
  const parsed = parsePlatform(platform);
  const architecture =
    parsed === undefined ? rest.join('/') : [parsed.architecture, parsed.variant].filter(Boolean).join('/');
  return [platform, ...(OLDER[architecture] ?? []).map((older) => `${os}/${older}`)];
}
