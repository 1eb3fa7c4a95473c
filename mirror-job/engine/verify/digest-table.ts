/** The sizes of many blobs by their digests, in some 70 bytes for each instead of the 200 that a Map of texts takes. */
import { algorithmOf, digestFromHash, hexOf, type Digest } from '../../../core/digest.ts';

const DIGEST_BYTES = 32;
const FIRST_CAPACITY = 1024;
/** The table grows when more than this part of it is in use. */
const MAX_LOAD = 0.7;

const USED = 1;
const NEEDED = 2;
const DAMAGED = 4;

export interface BlobSums {
  readonly blobs: number;
  readonly bytes: number;
}

export class DigestTable {
  #capacity = FIRST_CAPACITY;
  #hashes = new Uint8Array(FIRST_CAPACITY * DIGEST_BYTES);
  #sizes = new Float64Array(FIRST_CAPACITY);
  #flags = new Uint8Array(FIRST_CAPACITY);
  #count = 0;
  #bytes = 0;
  /** sha512 is rare, so its digests stay texts. */
  readonly #others = new Map<Digest, { readonly size: number; flags: number }>();

  get sums(): BlobSums {
    return { blobs: this.#count + this.#others.size, bytes: this.#bytes };
  }

  /** @param size in bytes. The first size of a digest counts */
  add(digest: Digest, size: number): void {
    if (this.size(digest) !== undefined) return;
    this.#bytes += size;
    if (algorithmOf(digest) !== 'sha256') {
      this.#others.set(digest, { size, flags: USED });
      return;
    }
    if (this.#count + 1 > this.#capacity * MAX_LOAD) this.#grow();
    this.#insert(bytesOf(digest), size, USED);
  }

  /** @returns bytes; undefined for a blob that was not added */
  size(digest: Digest): number | undefined {
    if (algorithmOf(digest) !== 'sha256') return this.#others.get(digest)?.size;
    const slot = this.#find(bytesOf(digest));
    return this.#flags[slot] === 0 ? undefined : this.#sizes[slot];
  }

  /** Notes that an image needs the blob. */
  need(digest: Digest): void {
    this.#flag(digest, NEEDED);
  }

  /** Notes that the blob's bytes are not those that its digest names. */
  damage(digest: Digest): void {
    this.#flag(digest, DAMAGED);
  }

  isDamaged(digest: Digest): boolean {
    if (algorithmOf(digest) !== 'sha256') return ((this.#others.get(digest)?.flags ?? 0) & DAMAGED) !== 0;
    return ((this.#flags[this.#find(bytesOf(digest))] ?? 0) & DAMAGED) !== 0;
  }

  /** The damaged blobs that no image needs. */
  unneededDamage(): Digest[] {
    const found: Digest[] = [];
    for (let slot = 0; slot < this.#capacity; slot += 1) {
      if (((this.#flags[slot] ?? 0) & (DAMAGED | NEEDED)) === DAMAGED) {
        found.push(digestFromHash('sha256', this.#hashAt(slot)));
      }
    }
    for (const [digest, { flags }] of this.#others) {
      if ((flags & (DAMAGED | NEEDED)) === DAMAGED) found.push(digest);
    }
    return found;
  }

  unneeded(): BlobSums {
    let [blobs, bytes] = [0, 0];
    const count = (flags: number, size: number): void => {
      if (flags === 0 || (flags & NEEDED) !== 0) return;
      blobs += 1;
      bytes += size;
    };
    for (let slot = 0; slot < this.#capacity; slot += 1) {
      count(this.#flags[slot] ?? 0, this.#sizes[slot] ?? 0);
    }
    for (const { flags, size } of this.#others.values()) count(flags, size);
    return { blobs, bytes };
  }

  #flag(digest: Digest, flag: number): void {
    if (algorithmOf(digest) !== 'sha256') {
      const other = this.#others.get(digest);
      if (other !== undefined) other.flags |= flag;
      return;
    }
    const slot = this.#find(bytesOf(digest));
    const flags = this.#flags[slot] ?? 0;
    if (flags !== 0) this.#flags[slot] = flags | flag;
  }

  /** @returns the slot that has the hash, or the free one where it belongs */
  #find(hash: Uint8Array): number {
    const [a = 0, b = 0, c = 0, d = 0] = hash;
    let slot = (a * 0x1000000 + b * 0x10000 + c * 0x100 + d) % this.#capacity;
    while (this.#flags[slot] !== 0 && !this.#isAt(slot, hash)) slot = (slot + 1) % this.#capacity;
    return slot;
  }

  #isAt(slot: number, hash: Uint8Array): boolean {
    const start = slot * DIGEST_BYTES;
    for (let index = 0; index < DIGEST_BYTES; index += 1) {
      if (this.#hashes[start + index] !== hash[index]) return false;
    }
    return true;
  }

  #hashAt(slot: number): Uint8Array {
    return this.#hashes.subarray(slot * DIGEST_BYTES, (slot + 1) * DIGEST_BYTES);
  }

  #insert(hash: Uint8Array, size: number, flags: number): void {
    const slot = this.#find(hash);
    this.#hashes.set(hash, slot * DIGEST_BYTES);
    this.#sizes[slot] = size;
    this.#flags[slot] = flags;
    this.#count += 1;
  }

  #grow(): void {
    const [hashes, sizes, flags] = [this.#hashes, this.#sizes, this.#flags];
    this.#capacity *= 2;
    this.#hashes = new Uint8Array(this.#capacity * DIGEST_BYTES);
    this.#sizes = new Float64Array(this.#capacity);
    this.#flags = new Uint8Array(this.#capacity);
    this.#count = 0;
    for (const [slot, flag] of flags.entries()) {
      if (flag === 0) continue;
      this.#insert(hashes.subarray(slot * DIGEST_BYTES, (slot + 1) * DIGEST_BYTES), sizes[slot] ?? 0, flag);
    }
  }
}

function bytesOf(digest: Digest): Uint8Array {
  const hex = hexOf(digest);
  const bytes = new Uint8Array(DIGEST_BYTES);
  for (let index = 0; index < DIGEST_BYTES; index += 1) {
    bytes[index] = valueOf(hex, 2 * index) * 16 + valueOf(hex, 2 * index + 1);
  }
  return bytes;
}

function valueOf(hex: string, index: number): number {
  const code = hex.charCodeAt(index);
  return code <= 57 ? code - 48 : code - 87;
}
