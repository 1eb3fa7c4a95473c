/** Reads which repositories of the bucket are meant: a name as in `docker pull`, or a pattern of names. */
import { NameInvalidError, parseReference, type Repository } from '../../../core/reference.ts';
import { parseRepositoryPattern, PatternInvalidError } from '../../configuration/pattern.ts';
import { UsageError } from '../../configuration/usage-error.ts';

export type RepositoryFilter = (repository: Repository) => boolean;

/** @throws {UsageError} */
export function parseRepositoryFilter(text: string): RepositoryFilter {
  if (text.trim() === '') {
    throw new UsageError(
      '--repository names no repository. Name one as in docker.io/library/nginx, or several as in quay.io/**.',
    );
  }
  try {
    if (/[*?[\]{}()!|+]/.test(text)) {
      const { matches } = parseRepositoryPattern(text);
      return matches;
    }
    const { repository, tag, digest } = parseReference(text);
    if (tag !== undefined || digest !== undefined) {
      throw new UsageError(
        `--repository ${text}: name the repository without a tag and a digest, as in ${repository}.`,
      );
    }
    return (other) => other === repository;
  } catch (error) {
    if (!(error instanceof NameInvalidError) && !(error instanceof PatternInvalidError)) throw error;
    throw new UsageError(`--repository ${text}: ${error.message}`, { cause: error });
  }
}
