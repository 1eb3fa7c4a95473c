import { isDigest, type Digest } from '../../../core/digest.ts';
import { SourceError } from '../../engine/source.ts';

/**
 * The digest that a tag's manifest has to match. @throws {SourceError} for a header that is present and not a digest
 */
export function readContentDigest(named: string | null, where: string): Digest | undefined {
  if (named === null || named === '') return undefined;
  if (isDigest(named)) return named;
  throw new SourceError(
    `${where} was sent with Docker-Content-Digest "${named.slice(0, 150)}", which Lifeboat does not understand, so the bytes cannot be compared with it.`,
  );
}
