/** Reads JSON from outside, and writes JSON. */
import { printable } from './printable.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
const encoder = new TextEncoder();
const [QUOTE, COMMA, BRACKET, BACKSLASH, BRACE] = [0x22, 0x2c, 0x5b, 0x5c, 0x7b];

/** JSON has more values than the limit. Values take much more memory than their text. */
export class TooManyValuesError extends SyntaxError {
  override readonly name = 'TooManyValuesError';
}

/**
 * @param maxValues the limit of values, counted by `{`, `[` and `,`. A text that is always short needs none
 * @throws {SyntaxError} when the bytes are not UTF-8 or not JSON; the message never quotes them
 * @throws {TooManyValuesError}
 */
export function parseJson(bytes: Uint8Array, maxValues = Infinity): unknown {
  if (bytes.length > maxValues && countValues(bytes) > maxValues) {
    throw new TooManyValuesError(`more than ${maxValues} values`);
  }
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    throw new SyntaxError('not JSON');
  }
}

/** Counts the characters that begin a value. Those within strings do not count, because a string takes no more memory than its text. */
function countValues(bytes: Uint8Array): number {
  let count = 0;
  let isString = false;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (byte === QUOTE) isString = !isString;
    else if (isString) index += byte === BACKSLASH ? 1 : 0;
    else if (byte === COMMA || byte === BRACKET || byte === BRACE) count += 1;
  }
  return count;
}

export function encodeJson(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encoder.encode(JSON.stringify(value)));
}

/** Writes the same JSON without characters that control a terminal, for a report, which people read with any tool. */
export function encodePrintableJson(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encoder.encode(printable(JSON.stringify(value))));
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value is an object whose values are all strings, as annotations are. */
export function isStringMap(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
}
