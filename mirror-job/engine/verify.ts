/** Bytes that turn out wrong must not be stored: every stream is counted and hashed on its way. */
import { algorithmOf, digestFromHash, type Digest } from '../../core/digest.ts';
import type { Environment } from './environment.ts';
import { SourceError } from './source.ts';

export interface Expected {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/**
 * Passes a stream on and, before it ends, checks its length and digest. The caller must write nothing that
 * counts until the iteration has ended without an error.
 * @param where names the source, for the error's sentence
 * @throws {SourceError} as soon as there are too many bytes; at the end for too few, or another digest
 */
export async function* verified(
  body: AsyncIterable<Uint8Array>,
  expected: Expected,
  where: string,
  createHash: Environment['createHash'],
): AsyncGenerator<Uint8Array> {
  const algorithm = algorithmOf(expected.digest);
  const hash = createHash(algorithm);
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > expected.size) {
      throw new SourceError(
        `${where} sent more than the ${expected.size} bytes that ${expected.digest} has by its manifest.`,
      );
    }
    hash.update(chunk);
    yield chunk;
  }
  if (length < expected.size) {
    throw new SourceError(
      `${where} sent ${length} of the ${expected.size} bytes that ${expected.digest} has by its manifest.`,
    );
  }
  const actual = digestFromHash(algorithm, hash.digest());
  if (actual !== expected.digest) {
    throw new SourceError(
      `${where} sent other bytes than asked for: their digest is ${actual}, not ${expected.digest}.`,
    );
  }
}
