/** Reading JSON that others wrote, and writing it. */
import { printable } from './printable.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
const encoder = new TextEncoder();

/** @throws {SyntaxError} when the bytes are not UTF-8 or not JSON; the message never quotes them. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    throw new SyntaxError('not JSON');
  }
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
