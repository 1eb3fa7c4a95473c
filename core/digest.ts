/**
 * Digests, which name content by its hash.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests
 */

/** The registered algorithms that Lifeboat stores, with the number of hexadecimal digits of their values. */
const HEX_LENGTH = { sha256: 64, sha512: 128 } as const;

export type Algorithm = keyof typeof HEX_LENGTH;

declare const brand: unique symbol;

/**
 * `<algorithm>:<lower-case hex>`, checked. A plain string has to pass `parseDigest` first, so that no text from outside
 * becomes part of a key of the bucket.
 */
export type Digest = `${Algorithm}:${string}` & { readonly [brand]: 'Digest' };

/** A text is not a digest, or its algorithm is one that Lifeboat does not store. */
export class DigestInvalidError extends Error {
  override readonly name = 'DigestInvalidError';
  readonly text: string;

  constructor(text: string) {
    super(
      `"${text.slice(0, 200)}" is not a digest: expected "sha256:" and 64, or "sha512:" and 128, lower-case hexadecimal digits.`,
    );
    this.text = text;
  }
}

export function isDigest(text: string): text is Digest {
  const colon = text.indexOf(':');
  const algorithm = text.slice(0, Math.max(colon, 0));
  if (algorithm !== 'sha256' && algorithm !== 'sha512') return false;
  const hex = text.slice(colon + 1);
  return hex.length === HEX_LENGTH[algorithm] && /^[0-9a-f]+$/.test(hex);
}

/** @throws {DigestInvalidError} */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw new DigestInvalidError(text);
  return text;
}

export function algorithmOf(digest: Digest): Algorithm {
  return digest.startsWith('sha256:') ? 'sha256' : 'sha512';
}

export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The digest of bytes in memory. Streams are hashed elsewhere, because each runtime has its own way to do it. */
export async function digestOf(
  bytes: Uint8Array<ArrayBuffer>,
  algorithm: Algorithm = 'sha256',
): Promise<Digest> {
  const hash = await crypto.subtle.digest(algorithm === 'sha256' ? 'SHA-256' : 'SHA-512', bytes);
  return digestFromHash(algorithm, new Uint8Array(hash));
}

/** Whether bytes are those that a digest names. */
export async function hasDigest(bytes: Uint8Array<ArrayBuffer>, digest: Digest): Promise<boolean> {
  return (await digestOf(bytes, algorithmOf(digest))) === digest;
}

/**
 * The digest of a finished hash.
 * @param hash 32 bytes for sha256, 64 for sha512
 * @throws {DigestInvalidError} for another length
 */
export function digestFromHash(algorithm: Algorithm, hash: Uint8Array): Digest {
  let hex = '';
  for (const byte of hash) hex += byte.toString(16).padStart(2, '0');
  return parseDigest(`${algorithm}:${hex}`);
}
