/** The references to approve, from the command line and from a file that people review. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Digest } from '../../../core/digest.ts';
import {
  NameInvalidError,
  formatReference,
  parseReference,
  type Reference,
  type Tag,
} from '../../../core/reference.ts';
import { describeUnreadable } from '../../runtime/node/error-code.ts';
import { UsageError } from '../../configuration/usage-error.ts';

export interface WantedApproval {
  readonly reference: Reference & { readonly tag: Tag; readonly digest: Digest };
  /** The line, as `FILE:LINE`; undefined for a reference on the command line. */
  readonly place: string | undefined;
}

/**
 * Reads one reference per line. Empty lines and comments, which begin with `#`, are left out.
 * @param cwd the folder against which a relative file name is resolved
 * @throws {UsageError} for a file that cannot be read, and with every line that cannot be used
 */
export async function readApprovals(file: string, cwd: string): Promise<readonly WantedApproval[]> {
  let text: string;
  try {
    text = await readFile(resolve(cwd, file), 'utf8');
  } catch (error) {
    throw new UsageError(`--file ${file}: ${describeUnreadable(error)}.`, { cause: error });
  }
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const wanted = lines.flatMap((line, index) => {
    const reference = line.replace(/#.*$/, '').trim();
    return reference === '' ? [] : [{ text: reference, place: `${file}:${index + 1}` }];
  });
  return parseApprovals(wanted);
}

/** @throws {UsageError} with each text that is not `IMAGE:TAG@DIGEST` */
export function parseApprovals(
  wanted: readonly { readonly text: string; readonly place: string | undefined }[],
): readonly WantedApproval[] {
  const problems: string[] = [];
  const approvals = wanted.flatMap(({ text, place }): WantedApproval[] => {
    try {
      const { repository, tag, digest } = parseReference(text);
      if (tag !== undefined && digest !== undefined)
        return [{ reference: { repository, tag, digest }, place }];
      problems.push(
        at(
          place,
          `"${text}" has to name a tag and a digest, as in ${exampleOf({ repository, tag, digest })}.`,
        ),
      );
    } catch (error) {
      if (!(error instanceof NameInvalidError)) throw error;
      problems.push(at(place, error.message));
    }
    return [];
  });
  refuse(problems);
  return approvals;
}

/** @throws {UsageError} with all problems, if there is one */
export function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new UsageError('nothing was approved.', { lines: problems });
}

/** Puts the place of the reference before a problem. */
export function at(place: string | undefined, problem: string): string {
  return place === undefined ? problem : `${place}: ${problem}`;
}

function exampleOf({ repository, tag, digest }: Reference): string {
  const named = formatReference({ repository, tag: undefined, digest: undefined });
  return `${named}:${tag ?? 'TAG'}@${digest ?? 'sha256:…'}`;
}
