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
  return [...files.keys(), ...unreadable.keys()].filter((path) => isMatch(path, pattern)).toSorted();
}

/**
 * Goes back to the last `*` alone, so that the time grows with the product of both lengths at most. A regular expression would try
 * every way to share a name among the stars.
 */
function isMatch(path: string, pattern: string): boolean {
  let at = 0;
  let next = 0;
  let star: { readonly next: number; readonly end: number } | undefined;
  while (at < path.length) {
    if (pattern[next] === '*') {
      star = { next: next + 1, end: at };
      next += 1;
    } else if (pattern[next] === path[at] || (pattern[next] === '?' && path[at] !== '/')) {
      at += 1;
      next += 1;
    } else if (star !== undefined && path[star.end] !== '/') {
      star = { next: star.next, end: star.end + 1 };
      at = star.end;
      next = star.next;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(next));
}
