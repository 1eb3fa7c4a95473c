/**
 * Writes the files of clients below a folder, as they stand on a node, and removes them. A file is ours if its first line has our mark and
 * the checksum of the rest. So files of others, and files that somebody has changed since, are never overwritten or removed.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { missingLines } from '../../cluster/check/missing-lines.ts';
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
  /** Files of others that lack what has to be in them, each with the lines that it lacks as its content. */
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
      `--out ${out}: ${paths} was not written by "lifeboat clients", or was changed since, so it is not overwritten, and nothing was written. Move it away, or choose another folder.`,
    );
  }
  const written: string[] = [];
  const unchanged: string[] = [];
  const toMerge: ClientFile[] = [];
  for (const [index, file] of files.entries()) {
    const text = present[index];
    const isTheirs = text !== undefined && !isOurs(text);
    const missing = isTheirs ? missingLines(text, file) : undefined;
    if (text === sealed(file) || (isTheirs && missing === undefined)) unchanged.push(file.path);
    else if (missing !== undefined) toMerge.push({ ...file, content: missing });
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

function isForeign(text: string | undefined, file: ClientFile): boolean {
  return text !== undefined && text !== sealed(file) && !isOurs(text);
}

/** The content with the checksum of all other lines in its first line. A format without comments has no such line. */
function sealed({ content }: ClientFile): string {
  if (!content.startsWith(MARKER)) return content;
  const rest = content.slice(MARKER.length);
  return `${MARKER} ${checksumOf(rest)}${rest}`;
}

function isOurs(text: string): boolean {
  if (!text.startsWith(`${MARKER} `)) return false;
  const end = text.indexOf('\n');
  return text.slice(MARKER.length + 1, end) === checksumOf(text.slice(end));
}

function checksumOf(rest: string): string {
  return `sha256:${createHash('sha256').update(rest).digest('hex')}`;
}

export interface Removal {
  readonly removed: readonly string[];
  /** Files that are not ours, or that somebody has changed since they were written. */
  readonly left: readonly string[];
}

/**
 * Removes files that `writeClientTree` has written, and the folders that are empty then.
 * @throws {UsageError} for a file that cannot be read or removed
 */
export async function removeClientTree(
  files: readonly ClientFile[],
  out: string,
  cwd: string,
): Promise<Removal> {
  const folder = resolve(cwd, out);
  const removed: string[] = [];
  const left: string[] = [];
  for (const { path, content } of files) {
    const whole = join(folder, path);
    const text = await readPresent(whole);
    if (text === undefined) continue;
    if (!isOurs(text) && text !== content) {
      left.push(path);
      continue;
    }
    try {
      await rm(whole);
    } catch (error) {
      throw new UsageError(`--out ${out}: ${whole} could not be removed (${errorCode(error)}).`, {
        cause: error,
      });
    }
    // containerd takes an empty folder for a registry without any host, which would hide _default.
    if (path.includes('certs.d/')) await rmdir(dirname(whole)).catch(() => undefined);
    removed.push(path);
  }
  return { removed, left };
}

async function write(path: string, file: ClientFile, out: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeOutput(path, sealed(file), file.isSecret ? SECRET_MODE : undefined);
  } catch (error) {
    throw new UsageError(`--out ${out}: ${path} could not be written (${whyUnwritable(error)}).`, {
      cause: error,
    });
  }
}
