/** Reads the files of a node that say how its runtimes pull. Nothing else is read, and nothing is written. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NODE_MARKERS, NODE_PATHS, type NodeFiles } from '../../cluster/check/node-files.ts';
import { errorCode } from '../runtime/node/error-code.ts';

/** A configuration file has kilobytes. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_DEPTH = 4;

/** @param root the folder that stands for the root of the node */
export async function readNode(root: string): Promise<NodeFiles> {
  const files = new Map<string, string>();
  const folders = new Set<string>();
  const unreadable = new Map<string, string>();
  const read = async (path: string, depth: number): Promise<void> => {
    const whole = join(root, path);
    try {
      const found = await stat(whole);
      if (found.isDirectory()) {
        folders.add(path);
        if (depth === MAX_DEPTH) return;
        for (const name of await readdir(whole)) await read(`${path}/${name}`, depth + 1);
      } else if (found.size > MAX_BYTES) unreadable.set(path, 'EFBIG');
      else if (found.isFile()) files.set(path, await readFile(whole, 'utf8'));
    } catch (error) {
      const code = errorCode(error);
      if (code !== 'ENOENT' && code !== 'ENOTDIR') unreadable.set(path, code);
    }
  };
  for (const path of NODE_MARKERS) {
    const found = await stat(join(root, path)).catch(() => undefined);
    if (found?.isDirectory() === true) folders.add(path);
  }
  for (const path of NODE_PATHS) await read(path, 0);
  return { files, folders, unreadable };
}
