import type { Digest } from '../../../core/digest.ts';
import {
  NameInvalidError,
  formatReference,
  parseReference,
  type Reference,
} from '../../../core/reference.ts';
import { UsageError } from '../../configuration/usage-error.ts';

/**
 * Parses an image of the command line, with a tag or without one.
 * @param adviseOn makes the sentence with the advice when the image names a digest; its argument is the text before the
 *   digest
 * @throws {UsageError}
 */
export function parseImageArgument(
  text: string,
  adviseOn: (image: string, digest: Digest) => string,
): Reference {
  let reference: Reference;
  try {
    reference = parseReference(text);
  } catch (error) {
    if (error instanceof NameInvalidError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
  const { digest } = reference;
  if (digest === undefined) return reference;
  const image = formatReference({ ...reference, digest: undefined });
  throw new UsageError(`"${text}" names a digest. ${adviseOn(image, digest)}`);
}
