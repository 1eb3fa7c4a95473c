/** Reading JSON that others wrote, and writing it. */
import { printable } from './printable.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
const encoder = new TextEncoder();
const [QUOTE, COMMA, BRACKET, BACKSLASH, BRACE] = [0x22, 0x2c, 0x5b, 0x5c, 0x7b];

/** JSON of more values than it may have. They take much more memory than their text. */
export class TooManyValuesError extends SyntaxError {
  override readonly name = 'TooManyValuesError';
}

/**
 * @param most how many values there may be, as counted by `{`, `[` and `,`; left out for a text that is short anyway
 * @throws {SyntaxError} when the bytes are not UTF-8 or not JSON; the message never quotes them
 * @throws {TooManyValuesError}
 */
export function parseJson(bytes: Uint8Array, most = Infinity): unknown {
  if (bytes.length > most && countValues(bytes) > most) {
    throw new TooManyValuesError(`more than ${most} values`);
  }
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    throw new SyntaxError('not JSON');
  }
}

/** Counts what begins a value outside of strings, whose own characters take no more memory than their text. */
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

/** For a report, which people read with whatever tool: the same JSON, but no character of it changes a terminal. */
export function encodePrintableJson(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encoder.encode(printable(JSON.stringify(value))));
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A string-to-string map, as annotations are; anything else is not one. */
export function isStringMap(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
}
