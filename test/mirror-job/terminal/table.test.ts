/** Tests tables: which columns stay where a terminal is narrow. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { lineWidth, tableLines } from '../../../mirror-job/terminal/table.ts';
import { Screen } from './screen.ts';

const style = { good: String, waits: String, bad: String, faint: String };
const COLUMNS = [
  { heading: 'name', rank: 1 },
  { heading: 'size', rank: 3, isNumber: true },
  { heading: 'empty', rank: 4 },
  { heading: 'state', rank: 2 },
];
const ROWS = [
  ['a', '5', '', 'held'],
  ['longer', '1234', '', ''],
];

test.each([
  [Number.POSITIVE_INFINITY, ['name    size  state', 'a          5  held', 'longer  1234']],
  [19, ['name    size  state', 'a          5  held', 'longer  1234']],
  [18, ['name    state', 'a       held', 'longer', 'No room for: size. A wider terminal shows them.']],
  [12, ['name', 'a', 'longer', 'No room for: size, state. A wider terminal shows them.']],
  [1, ['name', 'a', 'longer', 'No room for: size, state. A wider terminal shows them.']],
])('on %d columns, the least important columns give way, and the first one stays', (width, lines) => {
  expect(tableLines(COLUMNS, ROWS, { width, style })).toEqual(lines);
});

test('colours take no room', () => {
  const red = { ...style, faint: (text: string) => `\u001B[2m${text}\u001B[22m` };
  const rows = [['\u001B[31ma\u001B[39m', '1', '', 'x']];
  expect(tableLines(COLUMNS, rows, { width: 17, style: red })).toHaveLength(2);
});

test('only a terminal has a width', () => {
  expect([lineWidth(new Screen(40)), lineWidth(new PassThrough())]).toEqual([40, Number.POSITIVE_INFINITY]);
});
