import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromBase64, toBase64 } from '../../core/base64.ts';
import { encodeJson, isObject, isStringMap, parseJson } from '../../core/json.ts';
import { nameOfThrown, thrown } from './thrown.ts';

test.for<readonly [string, Uint8Array]>([
  ['no bytes', Buffer.from('')],
  ['half an object', Buffer.from('{"a":')],
  ['HTML', Buffer.from('<html>secret</html>')],
  ['a byte that is not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
  ['an overlong encoding', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
  ['half a surrogate pair', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
  ['UTF-16', Buffer.from('{}', 'utf16le')],
  ['two values', Buffer.from('{}{}')],
  ['NaN', Buffer.from('NaN')],
])('%s is not JSON, and the error does not quote it', ([, bytes]) => {
  expect(thrown(() => parseJson(bytes))).toBe('SyntaxError: not JSON');
});

test('property: JSON is read as it was written', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.stringify(parseJson(encodeJson(value)))).toBe(JSON.stringify(value));
    }),
  );
});

test('property: any bytes are JSON or a SyntaxError', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect([undefined, 'SyntaxError']).toContain(nameOfThrown(() => parseJson(bytes)));
    }),
  );
});

test.for<readonly [unknown, boolean, boolean]>([
  [{}, true, true],
  [{ a: 'b' }, true, true],
  [{ a: 1 }, true, false],
  [{ a: null }, true, false],
  [{ a: { b: 'c' } }, true, false],
  [JSON.parse('{"__proto__":1}'), true, false],
  [[], false, false],
  [['a'], false, false],
  [null, false, false],
  ['a', false, false],
  [undefined, false, false],
])('%j is an object: %s, and a map of strings: %s', ([value, object, map]) => {
  expect(isObject(value)).toBe(object);
  expect(isStringMap(value)).toBe(map);
});

test.for<readonly [string, string]>([
  ['', ''],
  ['f', 'Zg=='],
  ['fo', 'Zm8='],
  ['foo', 'Zm9v'],
  ['\u00FF\u00FE?>', 'w7/Dvj8+'],
])('base64 of %j is %s', ([text, encoded]) => {
  expect(toBase64(Buffer.from(text))).toBe(encoded);
  expect(Buffer.from(fromBase64(encoded)).toString()).toBe(text);
});

test.for(['Zg=', 'Z', '====', 'Zm9v-', 'Zm9_', 'Zm9v\u0000', 'é'])('%j is not base64', (text) => {
  expect(thrown(() => fromBase64(text))).toBe('SyntaxError: not base64');
});

test('a manifest of the maximum size is the same after base64 and back', () => {
  const bytes = Buffer.alloc(4 * 1024 * 1024, Buffer.from([0, 127, 128, 255, 31, 7, 1]));
  const encoded = toBase64(bytes);
  expect(encoded === bytes.toString('base64')).toBe(true);
  expect(Buffer.compare(fromBase64(encoded), bytes)).toBe(0);
});

test('property: base64 agrees with that of Buffer, both ways', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const encoded = Buffer.from(bytes).toString('base64');
      expect(toBase64(bytes)).toBe(encoded);
      expect([...fromBase64(encoded)]).toEqual([...bytes]);
    }),
  );
});

test.each<[string, number]>([
  ['[1,2,3]', 3],
  ['{"a":{},"b":[]}', 4],
  ['{"a":",[{\\\\"}', 1],
  ['["\\\\\\",",""]', 2],
])('%s has %i values', (text, values) => {
  const bytes = new TextEncoder().encode(text);
  expect(parseJson(bytes, values)).toEqual(JSON.parse(text));
  expect(() => parseJson(bytes, values - 1)).toThrow(`more than ${values - 1} values`);
});
