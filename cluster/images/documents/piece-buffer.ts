/** Bytes that are collected across chunks, up to a limit. */
export class PieceBuffer {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param bytes may change afterwards. They are copied, not by `slice`, because that of Node's Buffer shares them */
  add(bytes: Uint8Array): void {
    this.#length += bytes.length;
    if (this.#length > this.#maxBytes) this.#parts = [];
    else if (bytes.length > 0) this.#parts.push(new Uint8Array(bytes));
  }

  /**
   * @param more bytes to put behind them
   * @returns undefined if there were too many
   */
  bytes(...more: readonly number[]): Uint8Array | undefined {
    if (this.#length > this.#maxBytes) return undefined;
    const joined = new Uint8Array(this.#length + more.length);
    let at = 0;
    for (const part of this.#parts) {
      joined.set(part, at);
      at += part.length;
    }
    joined.set(more, at);
    return joined;
  }

  /** @returns the last bytes. If there are fewer, zeros come before them */
  end(count: number): Uint8Array {
    const last = new Uint8Array(count);
    let room = count;
    for (let index = this.#parts.length - 1; index >= 0 && room > 0; index -= 1) {
      const part = this.#parts[index]?.subarray(-room) ?? last;
      room -= part.length;
      last.set(part, room);
    }
    return last;
  }

  clear(): void {
    this.#parts = [];
    this.#length = 0;
  }
}
