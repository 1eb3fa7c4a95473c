/** The patterns of `imports` in containerd's config.toml: a path, which may have `*` and `?`. */
import { cleanPath, type NodeFiles, type NodePlace } from './node-files.ts';

/** @param config the file that has the pattern: a relative one starts at its folder */
export function absolutePattern(config: string, pattern: string): string {
  return cleanPath(
    pattern.startsWith('/') ? pattern : `${config.slice(0, config.lastIndexOf('/'))}/${pattern}`,
  );
}

/** containerd searches only for a pattern with `*`. Any other is the path of one file. */
export function isSearched(pattern: string): boolean {
  return pattern.includes('*');
}

/** @returns the folder in which a search starts, or the file */
export function placeOf(pattern: string): NodePlace {
  if (!isSearched(pattern)) return { path: pattern, levels: 0 };
  const parts = pattern.split('/');
  const first = parts.findIndex((part) => /[*?]/.test(part));
  return { path: parts.slice(0, first).join('/'), levels: parts.length - first };
}

/** @returns the paths that match, sorted. Some may be unreadable */
export function importedFiles({ files, unreadable }: NodeFiles, pattern: string): readonly string[] {
  const expression = pattern
    .replace(/[\\^$.|+()[\]{}]/g, String.raw`\$&`)
    .replaceAll('?', '[^/]')
    .replaceAll('*', '[^/]*');
  const matcher = new RegExp(`^${expression}$`);
  return [...files.keys(), ...unreadable.keys()].filter((path) => matcher.test(path)).toSorted();
}
