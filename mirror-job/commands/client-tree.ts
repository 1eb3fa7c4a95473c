/** Writes the files of clients below a folder, as they stand on a node. Files of others are never overwritten. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { holds } from '../../cluster/clients/holds.ts';
import type { ClientFile } from '../../cluster/clients/setup.ts';
import { MARKER } from '../../cluster/clients/text.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { errorCode } from '../runtime/node/error-code.ts';
import { whyUnwritable, writeOutput } from './output-file.ts';

/** A file that only its owner may read. */
const SECRET_MODE = 0o600;

export interface TreeResult {
  readonly written: readonly string[];
  /** They have the content already, or hold all that has to be in them. */
  readonly unchanged: readonly string[];
  /** Files of others that lack what has to be in them, with that content. */
  readonly toMerge: readonly ClientFile[];
}

/**
 * Looks at all files before it writes the first one.
 * @param out the folder that stands for the root of a node
 * @throws {UsageError} before anything is written, if a file of somebody else is where one of ours has to be, or if the folder
 *   cannot be written
 */
export async function writeClientTree(
  files: readonly ClientFile[],
  out: string,
  cwd: string,
): Promise<TreeResult> {
  const folder = resolve(cwd, out);
  const present = await Promise.all(files.map((file) => readPresent(join(folder, file.path))));
  const foreign = files.filter((file, index) => file.kind === 'whole' && isForeign(present[index], file));
  if (foreign.length > 0) {
    const paths = foreign.map(({ path }) => join(out, path)).join(', ');
    throw new UsageError(
      `--out ${out}: ${paths} was not written by "lifeboat clients", so it is not overwritten, and nothing was written. Move it away, or choose another folder.`,
    );
  }
  const written: string[] = [];
  const unchanged: string[] = [];
  const toMerge: ClientFile[] = [];
  for (const [index, file] of files.entries()) {
    const text = present[index];
    if (text === file.content || (text !== undefined && holds(text, file))) unchanged.push(file.path);
    else if (isForeign(text, file)) toMerge.push(file);
    else {
      await write(join(folder, file.path), file, out);
      written.push(file.path);
    }
  }
  return { written, unchanged, toMerge };
}

/** @returns undefined if there is no such file. @throws {UsageError} */
async function readPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new UsageError(`${path}: it cannot be read (${errorCode(error)}), so nothing was written.`, {
      cause: error,
    });
  }
}

function isForeign(text: string | undefined, { content }: ClientFile): boolean {
  return text !== undefined && text !== content && !text.startsWith(MARKER);
}

async function write(path: string, { content, isSecret }: ClientFile, out: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeOutput(path, content, isSecret ? SECRET_MODE : undefined);
  } catch (error) {
    throw new UsageError(`--out ${out}: ${path} could not be written (${whyUnwritable(error)}).`, {
      cause: error,
    });
  }
}
