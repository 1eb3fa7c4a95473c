/** Tables with headings, which fit the terminal: where it is too narrow, the least important columns give way. */
import type { CommandLine } from './command-line.ts';
import type { Output } from './io.ts';
import { alignColumns, widthOf, type Style } from './style.ts';

export interface Column {
  readonly heading: string;
  /** 1 is the most important column, which always stays. Of several, the one with the largest number gives way first. */
  readonly rank: number;
  /** Numbers stand below each other by their last digit. */
  readonly isNumber?: boolean;
}

/** The space between two columns. */
const GAP = 2;

/** @returns how many columns of text a line may have. A pipe and a file take lines of any length */
export function lineWidth({ isTTY, columns }: Output): number {
  return isTTY === true ? (columns ?? 80) : Number.POSITIVE_INFINITY;
}

/** The terminal's part in a text for people: colours, spelling of commands, and width. */
export interface TextOptions {
  readonly style: Style;
  readonly commandLine: CommandLine;
  /** The columns of the terminal. */
  readonly width: number;
}

interface TableOptions extends Pick<TextOptions, 'style' | 'width'> {
  /** Rows whose cells explain themselves have none. */
  readonly hasHeadings?: boolean;
}

/**
 * @param rows with one cell for each column. A column without text has no heading
 * @returns the lines; if columns gave way, the last one names them
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { width, style, hasHeadings = true }: TableOptions,
): string[] {
  const filled = columns.flatMap(({ heading, rank, isNumber = false }, index) => {
    const cells = [hasHeadings ? heading : '', ...rows.map((row) => row[index] ?? '')];
    if (cells.slice(1).every((cell) => cell === '')) return [];
    const wide = Math.max(...cells.map(widthOf));
    const shown = isNumber ? cells.map((cell) => ' '.repeat(wide - widthOf(cell)) + cell) : cells;
    return [{ heading, rank, cells: [style.faint(shown[0] ?? ''), ...shown.slice(1)], wide }];
  });
  const kept = fitting(filled, width);
  const gone = filled.flatMap((column) =>
    kept.includes(column) || column.heading === '' ? [] : [column.heading],
  );
  const lines = [...Array(rows.length + 1).keys()].map((row) => kept.map(({ cells }) => cells[row] ?? ''));
  return [
    // An empty last cell would leave the padding of the one before.
    ...alignColumns(hasHeadings ? lines : lines.slice(1)).map((line) => line.trimEnd()),
    ...(gone.length === 0
      ? []
      : [style.faint(`No room for: ${gone.join(', ')}. A wider terminal shows them.`)]),
  ];
}

function fitting<Filled extends Pick<Column, 'rank'> & { readonly wide: number }>(
  columns: readonly Filled[],
  width: number,
): readonly Filled[] {
  const whole = columns.reduce((sum, { wide }) => sum + wide, GAP * (columns.length - 1));
  if (whole <= width || columns.length < 2) return columns;
  const least = Math.max(...columns.map(({ rank }) => rank));
  return fitting(
    columns.filter(({ rank }) => rank !== least),
    width,
  );
}
