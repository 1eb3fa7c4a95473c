/** Interprets `platforms`, which says which children of an index are mirrored. */
import { formatPlatform } from '../../core/descriptor.ts';
import { parsePlatform, type Platforms } from '../engine/selection/platform.ts';
import type { Path } from './path.ts';
import type { Problems } from './problems.ts';
import type { PlatformsFile } from './schema.ts';

/**
 * @returns `inherited` if the file has no `platforms`; undefined for all platforms; otherwise each platform once,
 * spelled as containerd does, in sorted order
 */
export function interpretPlatforms(
  input: PlatformsFile | undefined,
  inherited: Platforms,
  path: Path,
  problems: Problems,
): Platforms {
  if (input === undefined) return inherited;
  if (input === 'all') return undefined;
  const platforms = input.flatMap((text, index) => {
    const platform = parsePlatform(text);
    if (platform !== undefined) return [formatPlatform(platform)];
    problems.add(
      [...path, index],
      `"${text.slice(0, 200)}" is not a platform, such as linux/amd64, linux/arm/v7 or windows(10.0.20348)/amd64.`,
    );
    return [];
  });
  return [...new Set(platforms)].toSorted();
}
