/**
 * Whether an answer's body is the one that its ETag was made for. Some servers read the two one after the other, and
 * give those of two versions while an object is replaced: what is made of the old body and written back under the new
 * ETag undoes the other version. docs/decisions/0071-reads-that-are-torn.md
 */
import type { IncomingHttpHeaders } from 'node:http';
import { crypto } from '../node/builtin.ts';

/** As one of a whole object looks. That of a multipart upload has a dash, and one that is weak says nothing of bytes. */
const MD5 = /^"?([\da-f]{32})"?$/i;

/** What an object is encrypted with: AWS makes MD5s of what it encrypts with keys of its own, and of nothing else. */
const ENCRYPTION = ['x-amz-server-side-encryption', 'x-amz-server-side-encryption-customer-algorithm'];

/** What it knows of a store it has learnt from that store's answers, so it never doubts one whose ETags are no MD5s. */
export class EtagCheck {
  /** Kinds of encryption under which an ETag was seen to be its body's MD5, which no other hash is by chance. */
  readonly #proven = new Set<string>();

  /** @returns false where the ETag is the MD5 of other bytes, as far as this can be known */
  isPair(bytes: Uint8Array, headers: IncomingHttpHeaders): boolean {
    const etag = MD5.exec(headers.etag ?? '')?.[1];
    if (etag === undefined) return true;
    const kind = ENCRYPTION.map((name) => String(headers[name])).join(' ');
    const md5 = md5Of(bytes);
    if (md5 === undefined) return true;
    if (md5 !== etag.toLowerCase()) return !this.#proven.has(kind);
    this.#proven.add(kind);
    return true;
  }
}

/** @returns undefined on a machine that has no MD5, as where only FIPS algorithms are allowed */
function md5Of(bytes: Uint8Array): string | undefined {
  try {
    return crypto.createHash('md5').update(bytes).digest('hex');
  } catch {
    return undefined;
  }
}
