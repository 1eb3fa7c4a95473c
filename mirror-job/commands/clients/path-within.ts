/** Follows symbolic links within a folder that stands for the root of a node: a link to `/etc/x` means `etc/x` below the folder. */
import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../runtime/node/error-code.ts';

/** As many as Linux follows. */
const MAX_LINKS = 40;

/**
 * @param root an absolute path
 * @param path of the node. `..` does not lead out of its root
 * @returns the path on this machine, without links below the root
 * @throws {Error} with the code `ELOOP` if links lead in a circle, or with that of the system if the path does not exist
 */
export async function pathWithin(root: string, path: string): Promise<string> {
  const done: string[] = [];
  const pending = path.split('/').toReversed();
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '..') done.pop();
    if (name === '' || name === '.' || name === '..') continue;
    const target = await linkAt(join(root, ...done, name));
    if (target === undefined) {
      done.push(name);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw Object.assign(new Error(`${path}: too many links`), { code: 'ELOOP' });
    if (target.startsWith('/')) done.length = 0;
    pending.push(...target.split('/').toReversed());
  }
  return join(root, ...done);
}

/** @returns undefined if it is no link */
async function linkAt(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (errorCode(error) === 'EINVAL') return undefined;
    throw error;
  }
}
