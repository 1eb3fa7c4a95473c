/**
 * The memory that copying may hold at once, in use or not. Buffers of a part's size are used again instead of left to the
 * garbage collector, which would let a fast copy of a large layer grow far beyond what it holds.
 */
export interface Buffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Gives it back; once. `reuse: false` when something may still be reading it. */
  release(options?: { reuse: boolean }): void;
}

export class BufferPool {
  readonly #total: number;
  readonly #pooledSize: number;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  readonly #waiting: { readonly size: number; readonly go: () => void }[] = [];
  #used = 0;

  /**
   * @param total bytes that may be out at once
   * @param pooledSize the one size, in bytes, whose buffers are kept
   */
  constructor(total: number, pooledSize: number) {
    this.#total = total;
    this.#pooledSize = pooledSize;
  }

  /**
   * Waits until `size` bytes are free; first come, first served. More than the whole pool is granted when
   * nothing else is out, so that no request waits for ever.
   */
  async take(size: number): Promise<Buffer> {
    if (this.#waiting.length > 0 || !this.#fits(size)) {
      await new Promise<void>((go) => {
        this.#waiting.push({ size, go });
      });
    } else {
      this.#used += size;
    }
    const bytes = (size === this.#pooledSize ? this.#free.pop() : undefined) ?? new Uint8Array(size);
    // What is kept counts too: for another size, some of it is let go.
    while (this.#held > this.#total && this.#free.length > 0) this.#free.pop();
    return {
      bytes,
      release: ({ reuse } = { reuse: true }) => {
        if (reuse && size === this.#pooledSize) this.#free.push(bytes);
        this.#used -= size;
        this.#wake();
      },
    };
  }

  /** Bytes that are out, or kept to be used again. */
  get #held(): number {
    return this.#used + this.#free.length * this.#pooledSize;
  }

  #fits(size: number): boolean {
    return this.#used === 0 || this.#used + size <= this.#total;
  }

  #wake(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.size); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.size;
      next.go();
    }
  }
}
