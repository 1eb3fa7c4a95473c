/**
 * The tag of a deployed version: a checksum of everything that it is made of. A Worker whose version has the same tag needs no
 * deployment. docs/decisions/0154
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Part } from './secrets.ts';

/** The folders that a Worker's program is made of. */
const FOLDERS: Readonly<Record<Part, readonly string[]>> = {
  edge: ['core', 'worker'],
  job: ['core', 'mirror-job'],
};

/**
 * @param root the clone
 * @param deployment the text of wrangler's file
 * @returns a tag of at most 25 characters, which is the most that Cloudflare takes
 */
export async function fingerprint(root: string, part: Part, deployment: string): Promise<string> {
  const hash = createHash('sha256').update(deployment);
  const files = [join(root, 'package-lock.json')];
  for (const folder of FOLDERS[part]) files.push(...(await sourcesIn(join(root, folder))));
  for (const file of files) {
    const bytes = await readFile(file);
    const name = relative(root, file).replaceAll(sep, '/');
    hash.update(`\n${name} ${bytes.length}\n`).update(bytes);
  }
  return `lifeboat-${hash.digest('hex').slice(0, 16)}`;
}

async function sourcesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted();
}
