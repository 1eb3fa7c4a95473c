/**
 * A sorted list of texts, held as the JSON of answers, because 100,000 tags take 3 MB as JSON and three times as much as
 * texts. Each page is a part of that JSON, so pages are neither encoded nor copied.
 */
import { encodeJson } from '../../core/json.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const decoder = new TextDecoder();

export class EncodedList {
  readonly length: number;
  /** The texts in JSON, with commas between them. */
  readonly #bytes: Uint8Array<ArrayBuffer>;
  /** The offset of each text in the bytes, and the offset that one more text would have. */
  readonly #starts: Uint32Array;

  /** @param sorted in the order in which JavaScript sorts texts */
  constructor(sorted: readonly string[]) {
    this.length = sorted.length;
    this.#bytes = encodeJson(sorted).subarray(1, -1);
    this.#starts = startsOf(this.#bytes, sorted.length);
  }

  /** How much memory the list takes. */
  get bytes(): number {
    return this.#bytes.buffer.byteLength + this.#starts.byteLength;
  }

  at(index: number): string {
    return JSON.parse(decoder.decode(this.slice(index, index + 1)));
  }

  /** The index of the first text that sorts after this one. This one need not be in the list. */
  indexAfter(text: string): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle) > text) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The texts from `start` to `end`, exclusive, in JSON, with commas between them. They share the list's bytes. */
  slice(start: number, end: number): Uint8Array<ArrayBuffer> {
    if (end <= start) return new Uint8Array();
    return this.#bytes.subarray(this.#starts[start], (this.#starts[end] ?? 0) - 1);
  }

  texts(): string[] {
    return JSON.parse(`[${decoder.decode(this.#bytes)}]`);
  }
}

function startsOf(bytes: Uint8Array, length: number): Uint32Array {
  const starts = new Uint32Array(length + 1);
  let count = 0;
  let isInText = false;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (byte === BACKSLASH) index += 1;
    if (byte !== QUOTE) continue;
    isInText = !isInText;
    if (isInText) starts[count++] = index;
  }
  starts[length] = bytes.length + 1;
  return starts;
}
