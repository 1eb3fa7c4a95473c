/** Texts from outside are made safe to show. */
import { expect, test } from 'vitest';
import { encodePrintableJson, parseJson } from '../../core/json.ts';
import { brief, printable, printableLines, withoutUnprintable } from '../../core/printable.ts';

const UNPRINTABLE: readonly [name: string, character: string, escaped: string][] = [
  ['NUL', '\u0000', String.raw`\u0000`],
  ['a line end', '\n', String.raw`\u000a`],
  ['a carriage return', '\r', String.raw`\u000d`],
  ['a tab', '\t', String.raw`\u0009`],
  ['escape', '\u001B', String.raw`\u001b`],
  ['delete', '\u007F', String.raw`\u007f`],
  ['the first of C1', '\u0080', String.raw`\u0080`],
  ['the line end of C1', '\u0085', String.raw`\u0085`],
  ['the CSI of C1', '\u009B', String.raw`\u009b`],
  ['a line separator', '\u2028', String.raw`\u2028`],
  ['a paragraph separator', '\u2029', String.raw`\u2029`],
  ['the first half of a character', '\uD83D', String.raw`\ud83d`],
  ['the second half of a character', '\uDE00', String.raw`\ude00`],
  ['a tag of a letter, which is invisible', '\u{E0041}', String.raw`\udb40\udc41`],
  ...[
    0x06_1c, 0x20_0e, 0x20_0f, 0x20_2a, 0x20_2b, 0x20_2c, 0x20_2d, 0x20_2e, 0x20_66, 0x20_67, 0x20_68,
    0x20_69,
  ].map((code): [string, string, string] => {
    const hex = code.toString(16).padStart(4, '0');
    return [`U+${hex}, which changes the direction`, String.fromCodePoint(code), `\\u${hex}`];
  }),
];

test.each(UNPRINTABLE)('%s is escaped', (_name, character, escaped) => {
  expect(printable(`a${character}b`)).toBe(`a${escaped}b`);
  expect(printable(printable(character))).toBe(escaped);
  expect(withoutUnprintable(`a${character}b`)).toBe('ab');
});

test.each(['', 'plain', 'Grüße', '日本語', 'שלום', 'سلام', '😀', 'e\u0301', 'a\\u001b'])(
  'the text "%s" stays as it is',
  (text) => {
    expect([printable(text), withoutUnprintable(text)]).toEqual([text, text]);
  },
);

test('printableLines keeps only line ends', () => {
  expect(printableLines('one\ntwo\r\u001B\u202E\n')).toBe(`one\ntwo${String.raw`\u000d\u001b\u202e`}\n`);
});

test('JSON in which characters are escaped is the same JSON', () => {
  const value = { text: UNPRINTABLE.map(([, character]) => character).join('-') };
  const bytes = encodePrintableJson(value);
  expect(new TextDecoder().decode(bytes)).toMatch(/^[ -~]*$/);
  expect(parseJson(bytes)).toEqual(value);
});

test('a text of up to 2,000 characters stays whole, and a longer one keeps its beginning and its end', () => {
  const whole = 'x'.repeat(2000);
  expect(brief(whole)).toBe(whole);
  const long = `host/app has: ${'linux/a, '.repeat(10_000)}. Change "platforms" at the image.`;
  expect(brief(long)).toBe(`${long.slice(0, 1500)} […88,048 characters…] ${long.slice(-500)}`);
});
