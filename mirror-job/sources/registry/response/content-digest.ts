import { isDigest, type Digest } from '../../../../core/digest.ts';
import { SourceError } from '../../../engine/source.ts';

/**
 * The digest that a tag's manifest has to match. @throws {SourceError} for a header that is present and not a digest
 */
export function readContentDigest(header: string | null, where: string): Digest | undefined {
  if (header === null || header === '') return undefined;
  if (isDigest(header)) return header;
  throw new SourceError(
    `${where} was sent with Docker-Content-Digest "${header.slice(0, 150)}", which Lifeboat does not understand, so the bytes cannot be compared with it.`,
  );
}
