/** Counts and hashes every stream on its way, because wrong bytes must not be stored. */
import { algorithmOf, digestFromHash, type Digest } from '../../../core/digest.ts';
import type { Hasher, Runtime } from '../runtime.ts';
import type { Part } from './part.ts';
import { SourceError, type Source } from '../source.ts';

export interface Expected {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** The source, for error messages. */
type Named = Pick<Source, 'name' | 'oddityOf'>;

/** The length and the digest of a stream that passes by. */
class Check {
  readonly #expected: Expected;
  readonly #source: Named;
  readonly #hash: Hasher;
  #length = 0;

  constructor(expected: Expected, source: Named, createHash: Runtime['createHash']) {
    this.#expected = expected;
    this.#source = source;
    this.#hash = createHash(algorithmOf(expected.digest));
  }

  /** @throws {SourceError} if there are more bytes than expected */
  add(bytes: Uint8Array): void {
    const { digest, size } = this.#expected;
    this.#length += bytes.length;
    if (this.#length > size) {
      throw new SourceError(
        `${this.#source.name} sent more than the ${size} bytes that the manifest gives for ${digest}.${this.#source.oddityOf?.(digest) ?? ''}`,
      );
    }
    this.#hash.update(bytes);
  }

  /** @throws {SourceError} if the stream was shorter than expected or has another digest */
  end(): void {
    const { digest, size } = this.#expected;
    if (this.#length < size) {
      throw new SourceError(
        `${this.#source.name} sent ${this.#length} of the ${size} bytes that the manifest gives for ${digest}.${this.#source.oddityOf?.(digest) ?? ''}`,
      );
    }
    const actual = digestFromHash(algorithmOf(digest), this.#hash.digest());
    if (actual !== digest) {
      throw new SourceError(
        `${this.#source.name} sent other bytes than asked for: their digest is ${actual}, not ${digest}.${this.#source.oddityOf?.(digest) ?? ''}`,
      );
    }
  }
}

/**
 * Passes a stream on, and checks its length and digest before it ends. The caller must complete no object until the
 * iteration has ended without an error.
 * @throws {SourceError} as soon as there are too many bytes; at the end for too few, or another digest
 */
export async function* verified(
  body: AsyncIterable<Uint8Array>,
  expected: Expected,
  source: Named,
  createHash: Runtime['createHash'],
): AsyncGenerator<Uint8Array> {
  const check = new Check(expected, source, createHash);
  for await (const chunk of body) {
    check.add(chunk);
    yield chunk;
  }
  check.end();
}

/** The same for parts. Releases the buffer of a part that it does not pass on. */
export async function* verifiedParts(
  parts: AsyncIterable<Part>,
  expected: Expected,
  source: Named,
  createHash: Runtime['createHash'],
): AsyncGenerator<Part> {
  const check = new Check(expected, source, createHash);
  for await (const part of parts) {
    try {
      check.add(part.buffer.bytes.subarray(0, part.length));
    } catch (error) {
      part.buffer.release();
      throw error;
    }
    yield part;
  }
  check.end();
}
