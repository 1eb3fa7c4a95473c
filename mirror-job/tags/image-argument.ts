import { NameInvalidError, parseReference, type Reference } from '../../core/reference.ts';
import { UsageError } from '../command.ts';

/**
 * An image of the command line, with a tag or without one.
 * @param advice what to do with a digest instead, as a sentence
 * @throws {UsageError}
 */
export function parseImageArgument(text: string, advice: string): Reference {
  let reference: Reference;
  try {
    reference = parseReference(text);
  } catch (error) {
    if (error instanceof NameInvalidError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
  if (reference.digest !== undefined) throw new UsageError(`"${text}" names a digest. ${advice}`);
  return reference;
}
