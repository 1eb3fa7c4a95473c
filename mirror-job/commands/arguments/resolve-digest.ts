/** Finds the digest that a person means. The person types the whole digest, or as few digits as the history shows. */
import { isDigest, type Digest } from '../../../core/digest.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import type { IndexEntry } from '../../../core/repository-index.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import type { Environment } from '../../engine/environment.ts';
import { readMovements } from '../../engine/tags/movement-log.ts';

/** The most records of a tag's history that are searched. */
const MAX_RECORDS = 1000;

/**
 * @param text a digest; or at least the first 8 digits of one to which the tag has pointed, or that was seen upstream
 * @throws {UsageError} for first digits that fit no digest, or several
 * @throws {StoreError}
 */
export async function resolveDigest(
  environment: Pick<Environment, 'store' | 'log'>,
  entries: readonly IndexEntry[],
  repository: Repository,
  tag: Tag,
  text: string,
): Promise<Digest> {
  if (isDigest(text)) return text;
  if (!/^(?:sha\d+:)?[0-9a-f]{8,}$/.test(text)) {
    throw new UsageError(
      `--to "${text.slice(0, 200)}" is not a digest: expected "sha256:" and 64 hexadecimal digits, or the first 8 or more of them.`,
    );
  }
  const movements = await readMovements(environment, repository, tag, MAX_RECORDS);
  const digests = new Set([
    ...movements.flatMap(({ from, to }) => (from === undefined ? [to] : [from, to])),
    ...entries.flatMap((entry) => ('tag' in entry && entry.tag === tag ? [entry.digest] : [])),
  ]);
  const beginning = text.includes(':') ? text : `sha256:${text}`;
  const [only, ...others] = [...digests].filter((digest) => digest.startsWith(beginning));
  if (only === undefined) {
    throw new UsageError(
      `--to ${text}: the history of the tag has no such digest. To move the tag to it anyway, give the whole digest.`,
    );
  }
  if (others.length > 0)
    throw new UsageError(`--to ${text}: several digests begin like this. Give more digits.`);
  return only;
}
