/** Reads the names in lists of repositories, which come from outside. */
import { NameInvalidError, parseRepository, type Repository } from '../../core/reference.ts';

/** @returns undefined for a text that is no repository's name */
export function repositoryOf(name: string): Repository | undefined {
  try {
    return parseRepository(name);
  } catch (error) {
    if (error instanceof NameInvalidError) return undefined;
    throw error;
  }
}
