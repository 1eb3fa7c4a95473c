/**
 * The memory that copying may hold at once, in use or not. Buffers of a part's size are used again instead of left to the
 * garbage collector, which would let a fast copy of a large layer grow far beyond what it holds.
 */
import { FairShare, type Party } from './fair-share.ts';

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

  /**
   * Waits until `size` bytes are free; for one party, first come, first served. More than the whole pool is granted when
   * nothing else is out, so that no request waits for ever.
   */
  async take(size: number, party: Party = NOBODY): Promise<Buffer> {
    await this.share.take(party, size);
    const bytes = (size === this.#pooledSize ? this.#free.pop() : undefined) ?? new Uint8Array(size);
    // What is kept counts too: for another size, some of it is let go.
    while (this.#held > this.#total && this.#free.length > 0) this.#free.pop();
    return {
      bytes,
      release: ({ reuse } = { reuse: true }) => {
        if (reuse && size === this.#pooledSize) this.#free.push(bytes);
        this.share.give(party, size);
      },
    };
  }

  /** Bytes that are out, or kept to be used again. */
  get #held(): number {
    return this.share.used + this.#free.length * this.#pooledSize;
  }
}
