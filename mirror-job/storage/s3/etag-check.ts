/**
 * Checks whether an answer's ETag belongs to its body. While an object is replaced, some servers read the two one after
 * the other and return those of two versions. If the old body was changed and written back under the new ETag, the new
 * version would be lost. docs/decisions/0071-reads-that-are-torn.md
 */
import { createHash } from 'node:crypto';
import { headerOf, type S3Headers } from './s3-connection.ts';

/** The ETag of a whole object. The ETag of a multipart upload has a dash, and a weak one says nothing about bytes. */
const MD5 = /^"?([\da-f]{32})"?$/i;

/**
 * The headers that name the encryption: AWS makes MD5s of objects that it encrypts with keys of its own, and of no
 * other encrypted ones.
 */
const ENCRYPTION = ['x-amz-server-side-encryption', 'x-amz-server-side-encryption-customer-algorithm'];

/** Learns from a store's answers whether its ETags are MD5s, so that it never doubts a store whose ETags are not. */
export class EtagCheck {
  /** Kinds of encryption under which an ETag was seen to be its body's MD5, which no other hash is by chance. */
  readonly #proven = new Set<string>();

  /** @returns false when the ETag is the MD5 of other bytes, as far as this can be known */
  isPair(bytes: Uint8Array, headers: S3Headers): boolean {
    const etag = MD5.exec(headerOf({ headers }, 'etag') ?? '')?.[1];
    if (etag === undefined) return true;
    const kind = ENCRYPTION.map((name) => String(headers[name])).join(' ');
    const md5 = md5Of(bytes);
    if (md5 === undefined) return true;
    if (md5 !== etag.toLowerCase()) return !this.#proven.has(kind);
    this.#proven.add(kind);
    return true;
  }
}

/** Whether an ETag is the MD5 of these bytes. False also for an ETag that is no MD5, which shows nothing. */
export function isMd5Etag(etag: string, bytes: Uint8Array): boolean {
  const md5 = MD5.exec(etag)?.[1];
  return md5 !== undefined && md5Of(bytes) === md5.toLowerCase();
}

/** @returns undefined on a machine without MD5, such as one that allows only FIPS algorithms */
function md5Of(bytes: Uint8Array): string | undefined {
  try {
    return createHash('md5').update(bytes).digest('hex');
  } catch {
    return undefined;
  }
}
