/**
 * Splits JSON into the items of its lists without parsing it, so that a file of any size is read in bounded memory. The
 * library @streamparser/json holds an item of any size, and loses all that follows a broken one.
 */
import { PieceBuffer } from './piece-buffer.ts';

export interface JsonPiece {
  /**
   * `whole`: a value without a list `items`. `head`: all that stands before the items, closed. `item`: one of the items.
   * `frame`: all but the items. `unfinished`: the text ends in a value. `unknown`: the text goes on with something else.
   */
  readonly part: 'whole' | 'head' | 'item' | 'frame' | 'unfinished' | 'unknown';
  /** Undefined if they are too many. */
  readonly bytes: Uint8Array | undefined;
  /** Of the first byte, counted from 0. */
  readonly offset: number;
  /** Values that follow each other are counted from 1. */
  readonly document: number;
  /** Of the item, counted from 0. */
  readonly index: number | undefined;
  /** Whether the value is a list itself, and has no key `items`. */
  readonly isBareList: boolean;
}

const [QUOTE, COMMA, OPEN_LIST, BACKSLASH] = [0x22, 0x2c, 0x5b, 0x5c];
const [CLOSE_LIST, OPEN_MAP, CLOSE_MAP] = [0x5d, 0x7b, 0x7d];
const BYTE_ORDER_MARK: readonly number[] = [0xef, 0xbb, 0xbf];
const WHITESPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const ITEMS_KEY = /[{,\s]"items"\s*:\s*\[$/;
/** In bytes: enough for the key with some space around it. */
const KEY_LENGTH = 200;
const decoder = new TextDecoder();

export class JsonSplitter {
  readonly #frame: PieceBuffer;
  readonly #item: PieceBuffer;
  #depth = 0;
  #isString = false;
  #isEscaped = false;
  #state: 'between' | 'frame' | 'items' | 'over' = 'between';
  #isBareList = false;
  #hasItems = false;
  #index = 0;
  #document = 0;
  #documentOffset = 0;
  #itemOffset = 0;
  /** Of the chunk's first byte. */
  #offset = 0;

  constructor(maxBytes: number) {
    this.#frame = new PieceBuffer(maxBytes);
    this.#item = new PieceBuffer(maxBytes);
  }

  /** @returns the pieces that end in this chunk */
  push(chunk: Uint8Array): JsonPiece[] {
    const pieces: JsonPiece[] = [];
    let start = 0;
    for (let index = 0; index < chunk.length && this.#state !== 'over'; index += 1) {
      const byte = chunk[index] ?? 0;
      if (this.#isString) this.#inString(byte);
      else if (this.#state === 'between') {
        const piece = this.#between(byte, this.#offset + index);
        if (piece !== undefined) pieces.push(piece);
        start = index;
        if (this.#isBareList) {
          this.#frame.add(chunk.subarray(start, index + 1));
          start = index + 1;
          this.#itemOffset = this.#offset + start;
        }
      } else if (byte === QUOTE) this.#isString = true;
      else if (byte === OPEN_MAP) this.#depth += 1;
      else if (byte === OPEN_LIST) {
        this.#depth += 1;
        if (this.#state === 'frame' && this.#depth === 2 && !this.#isBareList) {
          this.#frame.add(chunk.subarray(start, index + 1));
          start = index + 1;
          pieces.push(...this.#startItems(this.#offset + start));
        }
      } else if (byte === CLOSE_LIST || byte === CLOSE_MAP) {
        this.#depth -= 1;
        if (this.#state === 'items' && this.#depth === this.#itemsDepth - 1) {
          pieces.push(...this.#endItem(chunk.subarray(start, index), true));
          start = index;
        }
        if (this.#depth === 0) {
          this.#frame.add(chunk.subarray(start, index + 1));
          pieces.push(this.#endDocument());
          start = index + 1;
        }
      } else if (byte === COMMA && this.#state === 'items' && this.#depth === this.#itemsDepth) {
        pieces.push(...this.#endItem(chunk.subarray(start, index), false));
        start = index + 1;
        this.#itemOffset = this.#offset + start;
      }
    }
    if (this.#state === 'frame') this.#frame.add(chunk.subarray(start));
    if (this.#state === 'items') this.#item.add(chunk.subarray(start));
    this.#offset += chunk.length;
    return pieces;
  }

  /** @returns what is wrong with the end of the text, if anything is */
  end(): JsonPiece[] {
    const isWhole = this.#state === 'between' || this.#state === 'over';
    return isWhole ? [] : [this.#piece('unfinished', undefined, this.#offset)];
  }

  get #itemsDepth(): number {
    return this.#isBareList ? 1 : 2;
  }

  #inString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) this.#isString = false;
  }

  #between(byte: number, offset: number): JsonPiece | undefined {
    if (WHITESPACE.has(byte) || byte === BYTE_ORDER_MARK[offset]) return undefined;
    this.#document += 1;
    this.#documentOffset = offset;
    this.#isBareList = byte === OPEN_LIST;
    this.#hasItems = this.#isBareList;
    this.#index = 0;
    if (byte !== OPEN_MAP && byte !== OPEN_LIST) {
      this.#state = 'over';
      return this.#piece('unknown', undefined, offset);
    }
    this.#depth = 1;
    this.#state = this.#isBareList ? 'items' : 'frame';
    return undefined;
  }

  /** Begins to split a list, if its key is `items`. */
  #startItems(offset: number): JsonPiece[] {
    if (!ITEMS_KEY.test(decoder.decode(this.#frame.end(KEY_LENGTH)))) return [];
    this.#state = 'items';
    this.#index = 0;
    this.#itemOffset = offset;
    // A second list under the same key is split too, but its head would be everything before it, once more.
    if (this.#hasItems) return [];
    this.#hasItems = true;
    const head = this.#frame.bytes(CLOSE_LIST, CLOSE_MAP);
    return [this.#piece('head', head, this.#documentOffset)];
  }

  #endItem(bytes: Uint8Array, isLast: boolean): JsonPiece[] {
    this.#item.add(bytes);
    const item = this.#item.bytes();
    this.#item.clear();
    if (isLast) this.#state = 'frame';
    const isEmptyList = isLast && this.#index === 0 && item?.every((byte) => WHITESPACE.has(byte)) === true;
    if (isEmptyList) return [];
    const blanks = item?.findIndex((byte) => !WHITESPACE.has(byte)) ?? 0;
    const piece = this.#piece('item', item, this.#itemOffset + Math.max(blanks, 0), this.#index);
    this.#index += 1;
    return [piece];
  }

  #endDocument(): JsonPiece {
    const piece = this.#piece(this.#hasItems ? 'frame' : 'whole', this.#frame.bytes(), this.#documentOffset);
    this.#frame.clear();
    this.#state = 'between';
    this.#isBareList = false;
    return piece;
  }

  #piece(part: JsonPiece['part'], bytes: Uint8Array | undefined, offset: number, index?: number): JsonPiece {
    return { part, bytes, offset, document: this.#document, index, isBareList: this.#isBareList };
  }
}
