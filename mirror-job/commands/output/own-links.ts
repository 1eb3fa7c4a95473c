/**
 * Follows a path as the file system does, but only through links of this user and of root. In a folder where everybody
 * may write, such as /tmp, somebody else's link would decide which file is replaced. Linux protects a program that
 * opens such a link (`fs.protected_symlinks`), but not a program that asks where the link leads. docs/decisions/0098
 */
import { lstat, readlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, parse, resolve, sep } from 'node:path';
import { errorCode } from '../../runtime/node/error-code.ts';

/** The file belongs to another user, who would decide where it goes, or who reads it. The message is a clause. */
export class ForeignFileError extends Error {
  override readonly name = 'ForeignFileError';
}

/** Linux follows as many links. */
const MAX_LINKS = 40;

/**
 * @param isEnd tells whether links are followed no further than to this path; by default all links are followed
 * @returns the path without links, up to that end. A part that does not exist yet stays as it is
 * @throws {ForeignFileError}
 * @throws errors of the file system; ELOOP for links in a circle
 */
export async function followOwnLinks(
  path: string,
  isEnd: (path: string) => boolean = () => false,
): Promise<string> {
  const absolute = resolve(path);
  const { root } = parse(absolute);
  return follow(root, absolute.slice(root.length), isEnd);
}

/**
 * Does the same within a folder that stands for the root of a node: a link to `/etc/x` means `etc/x` below the folder, and `..` does
 * not lead out of it.
 * @param root an absolute path without links
 * @param path of the node
 * @throws {ForeignFileError}
 * @throws errors of the file system; ELOOP for links in a circle
 */
export function followOwnLinksWithin(root: string, path: string): Promise<string> {
  return follow(root, path, () => false);
}

async function follow(root: string, path: string, isEnd: (path: string) => boolean): Promise<string> {
  let at = root;
  const parts = path.split(sep);
  for (let links = 0, part = parts.shift(); part !== undefined; part = parts.shift()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at !== root) at = dirname(at);
      continue;
    }
    const next = join(at, part);
    const whole = join(next, ...parts);
    // The links before a ".." have to be followed first, because they decide where it leads.
    if (!parts.includes('..') && isEnd(whole)) return whole;
    const found = await lstatIfThere(next);
    if (found?.isSymbolicLink() !== true) {
      at = next;
      continue;
    }
    if (!isTrusted(found.uid)) {
      throw new ForeignFileError(`${next} is a link of another user, uid ${found.uid}, and is not followed`);
    }
    links += 1;
    if (links > MAX_LINKS) throw Object.assign(new Error(`${path}: too many links`), { code: 'ELOOP' });
    const target = await readlink(next);
    if (isAbsolute(target)) at = root;
    parts.unshift(...target.split(sep));
  }
  return at;
}

/** Whether the user is the one of this process, or root. Windows has no such numbers, so every user is trusted there. */
export function isTrusted(uid: number): boolean {
  return process.geteuid === undefined || uid === 0 || uid === process.geteuid();
}

async function lstatIfThere(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    return undefined;
  }
}
