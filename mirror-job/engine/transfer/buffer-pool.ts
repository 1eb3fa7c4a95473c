/**
 * Bounds the memory that copying holds at once, in use or not. Buffers of a part's size are reused. If they were left to
 * the garbage collector, the memory of a fast copy of a large layer would grow far beyond the bytes in use.
 */
import { FairShare, type Party } from '../support/fair-share.ts';

export interface PooledBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Returns it to the pool. Called once, with `reuse: false` if something may still read the bytes. */
  release(options?: { reuse: boolean }): void;
}

/** The buffers for the work of one upstream. */
export type Buffers = Pick<BufferPool, 'take'>;

/** The party of work without an upstream, such as copying from one store to another. */
const NOBODY: Party = 'nobody';

export class BufferPool {
  /** Counts the bytes that each party holds, and queues those who wait for some. */
  readonly share: FairShare;
  readonly #totalBytes: number;
  readonly #pooledBytes: number;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];

  /**
   * @param totalBytes the most that may be held at once
   * @param pooledBytes the one size whose buffers are reused
   */
  constructor(totalBytes: number, pooledBytes: number) {
    this.#totalBytes = totalBytes;
    this.#pooledBytes = pooledBytes;
    this.share = new FairShare(totalBytes, pooledBytes);
  }

  for(party: Party): Buffers {
    return { take: (size) => this.take(size, party) };
  }

  /** The most bytes that may be held at once. */
  get total(): number {
    return this.#totalBytes;
  }

  /** The bytes in use, and those of buffers that wait to be reused. */
  get held(): number {
    return this.share.used + this.#free.length * this.#pooledBytes;
  }

  /** The bytes in use. */
  get used(): number {
    return this.share.used;
  }

  /**
   * Waits until `size` bytes are free. Within one party, the first to ask is served first.
   * @throws {RangeError} for more than the whole pool, and if the memory cannot be allocated
   */
  async take(size: number, party: Party = NOBODY): Promise<PooledBuffer> {
    if (!(size >= 0 && size <= this.#totalBytes)) {
      throw new RangeError(`A buffer of ${size} bytes does not fit into a pool of ${this.#totalBytes}.`);
    }
    await this.share.take(party, size);
    const bytes = this.#allocate(size, party);
    return {
      bytes,
      release: ({ reuse } = { reuse: true }) => {
        if (reuse && size === this.#pooledBytes) this.#free.push(bytes);
        this.share.give(party, size);
      },
    };
  }

  /** The bytes are counted already. If they cannot be allocated, they are returned to the others. */
  #allocate(size: number, party: Party): Uint8Array<ArrayBuffer> {
    const pooled = size === this.#pooledBytes ? this.#free.pop() : undefined;
    // Buffers that wait for reuse count towards the total, so some are dropped before another size is allocated.
    while (this.held > this.#totalBytes && this.#free.length > 0) this.#free.pop();
    try {
      return pooled ?? new Uint8Array(size);
    } catch (error) {
      this.share.give(party, size);
      throw error;
    }
  }
}
