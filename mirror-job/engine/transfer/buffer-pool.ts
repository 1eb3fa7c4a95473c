/**
 * The memory that copying may hold at once, in use or not. Buffers of a part's size are used again instead of left to the
 * garbage collector, which would let a fast copy of a large layer grow far beyond what it holds.
 */
import { FairShare, type Party } from '../support/fair-share.ts';

export interface Buffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Gives it back; once. `reuse: false` when something may still be reading it. */
  release(options?: { reuse: boolean }): void;
}

/** Where the work for one upstream takes its buffers. */
export type Buffers = Pick<BufferPool, 'take'>;

/** Work that is for no upstream, such as copying from one store to another. */
const NOBODY: Party = 'nobody';

export class BufferPool {
  /** How much of it is out, for whom, and who waits. */
  readonly share: FairShare;
  readonly #total: number;
  readonly #pooledSize: number;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];

  /**
   * @param total bytes that may be out at once
   * @param pooledSize the one size, in bytes, whose buffers are kept
   */
  constructor(total: number, pooledSize: number) {
    this.#total = total;
    this.#pooledSize = pooledSize;
    this.share = new FairShare(total, pooledSize);
  }

  for(party: Party): Buffers {
    return { take: (size) => this.take(size, party) };
  }

  /** Bytes that may be out at once. */
  get total(): number {
    return this.#total;
  }

  /** Bytes that are out, or kept to be used again. */
  get held(): number {
    return this.share.used + this.#free.length * this.#pooledSize;
  }

  /** Bytes that are out. */
  get used(): number {
    return this.share.used;
  }

  /**
   * Waits until `size` bytes are free; for one party, first come, first served.
   * @throws {RangeError} for more than the whole pool, and when the memory cannot be had
   */
  async take(size: number, party: Party = NOBODY): Promise<Buffer> {
    if (!(size >= 0 && size <= this.#total)) {
      throw new RangeError(`A buffer of ${size} bytes does not fit into a pool of ${this.#total}.`);
    }
    await this.share.take(party, size);
    const bytes = this.#allocate(size, party);
    return {
      bytes,
      release: ({ reuse } = { reuse: true }) => {
        if (reuse && size === this.#pooledSize) this.#free.push(bytes);
        this.share.give(party, size);
      },
    };
  }

  /** The bytes are counted already. If they cannot be allocated, others get their share. */
  #allocate(size: number, party: Party): Uint8Array<ArrayBuffer> {
    const kept = size === this.#pooledSize ? this.#free.pop() : undefined;
    // Kept buffers count towards the total, so some are dropped before another size is allocated.
    while (this.held > this.#total && this.#free.length > 0) this.#free.pop();
    try {
      return kept ?? new Uint8Array(size);
    } catch (error) {
      this.share.give(party, size);
      throw error;
    }
  }
}
