/**
 * Writes the files of clients below a folder, as they stand on a node, and removes them. A file is ours if its first line has our mark and
 * the checksum of the rest. So files of others, and files that somebody has changed since, are never overwritten or removed.
 */
import { createHash } from 'node:crypto';
import { access, constants, mkdir, readFile, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { missingLines } from '../../../cluster/check/missing-lines.ts';
import type { ClientFile } from '../../../cluster/clients/setup.ts';
import { MARKER, OLD_MARKERS } from '../../../cluster/clients/text.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { errorCode } from '../../runtime/node/error-code.ts';
import { whyUnwritable, writeOutput } from '../output/output-file.ts';
import { followOwnLinks, followOwnLinksWithin } from '../output/own-links.ts';

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
 * Looks at all files, and at the folders that they go into, before it writes the first one.
 * @param out the folder that stands for the root of a node. Links in it mean paths below it
 * @throws {UsageError} before anything is written, if a file of somebody else is where one of ours has to be, or if a folder
 *   cannot be written. If a write fails all the same, the message names the files that were written before
 */
export async function writeClientTree(
  files: readonly ClientFile[],
  out: string,
  cwd: string,
): Promise<TreeResult> {
  const places = await findPlaces(files, out, cwd);
  const foreign = places.filter(({ file, text }) => file.kind === 'whole' && isForeign(text, file));
  if (foreign.length > 0) {
    const paths = foreign.map(({ file }) => join(out, file.path)).join(', ');
    throw new UsageError(
      `--out ${out}: ${paths} was not written by "lifeboat clients", or was changed since, so it is not overwritten, and nothing was written. Move it away, or choose another folder.`,
    );
  }
  const toWrite: Place[] = [];
  const unchanged: string[] = [];
  const toMerge: ClientFile[] = [];
  for (const place of places) {
    const { file, text } = place;
    const isTheirs = text !== undefined && !isOurs(text);
    const missing = isTheirs ? missingLines(text, file) : undefined;
    if (text === sealed(file) || (isTheirs && missing === undefined)) unchanged.push(file.path);
    else if (missing !== undefined) toMerge.push({ ...file, content: missing });
    else toWrite.push(place);
  }
  for (const { path } of toWrite) await refuseUnwritableFolder(path, out);
  const written: string[] = [];
  for (const { path, file } of toWrite) {
    await write(path, file, out, written);
    written.push(file.path);
  }
  return { written, unchanged, toMerge };
}

/** A file, and where it is on this machine. */
interface Place {
  readonly file: ClientFile;
  /** The path without links. */
  readonly path: string;
  /** The text that the file has now; undefined if there is no such file. */
  readonly text: string | undefined;
}

/** @throws {UsageError} */
async function findPlaces(files: readonly ClientFile[], out: string, cwd: string): Promise<readonly Place[]> {
  const places: Place[] = [];
  for (const file of files) {
    const path = await withoutLinks(file.path, out, cwd);
    const other = places.find((place) => place.path === path);
    if (other !== undefined) {
      throw new UsageError(
        `--out ${out}: ${other.file.path} and ${file.path} are one file, because of a link, so nothing was changed. Remove the link.`,
      );
    }
    places.push({ file, path, text: await readPresent(path) });
  }
  return places;
}

/** @throws {UsageError} */
async function withoutLinks(path: string, out: string, cwd: string): Promise<string> {
  try {
    return await followOwnLinksWithin(await followOwnLinks(resolve(cwd, out)), path);
  } catch (error) {
    throw new UsageError(
      `--out ${out}: ${join(out, path)} cannot be followed (${whyUnwritable(error)}), so nothing was changed.`,
      { cause: error },
    );
  }
}

/** @returns undefined if there is no such file. @throws {UsageError} */
async function readPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new UsageError(`${path}: it cannot be read (${errorCode(error)}), so nothing was changed.`, {
      cause: error,
    });
  }
}

/** Looks at the nearest folder that exists. @throws {UsageError} */
async function refuseUnwritableFolder(path: string, out: string): Promise<void> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    try {
      // The slash makes sure that it is a directory, and not a file of that name.
      await access(join(folder, '/'), constants.W_OK | constants.X_OK);
      return;
    } catch (error) {
      if (errorCode(error) === 'ENOENT' && folder !== dirname(folder)) continue;
      throw new UsageError(
        `--out ${out}: ${folder} cannot be written (${errorCode(error)}), so nothing was written.`,
        { cause: error },
      );
    }
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
  const marker = [MARKER, ...OLD_MARKERS].find((one) => text.startsWith(`${one} `));
  if (marker === undefined) return false;
  const end = text.indexOf('\n');
  return text.slice(marker.length + 1, end) === checksumOf(text.slice(end));
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
  const removed: string[] = [];
  const left: string[] = [];
  for (const { file, path, text } of await findPlaces(files, out, cwd)) {
    if (text === undefined) continue;
    if (!isOurs(text) && text !== file.content) {
      left.push(file.path);
      continue;
    }
    try {
      await rm(path);
    } catch (error) {
      throw new UsageError(
        `--out ${out}: ${path} could not be removed (${errorCode(error)}).${doneBefore('removed', removed)}`,
        { cause: error },
      );
    }
    // containerd takes an empty folder for a registry without any host, which would hide _default.
    if (file.path.includes('certs.d/')) await rmdir(dirname(path)).catch(() => undefined);
    removed.push(file.path);
  }
  return { removed, left };
}

/** @param before the paths of the files that were written before */
async function write(path: string, file: ClientFile, out: string, before: readonly string[]): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeOutput(path, sealed(file), file.isSecret ? SECRET_MODE : undefined);
  } catch (error) {
    throw new UsageError(
      `--out ${out}: ${path} could not be written (${whyUnwritable(error)}).${doneBefore('written', before)}`,
      { cause: error },
    );
  }
}

function doneBefore(done: 'written' | 'removed', paths: readonly string[]): string {
  return paths.length === 0 ? '' : ` Before that, these were ${done}: ${paths.join(', ')}.`;
}
