/** Formats a table of goals and measurements in aligned columns. */

export interface Row {
  readonly what: string;
  /** Empty if there is no goal, and the figure is only reported. */
  readonly goal: string;
  readonly measured: string;
  /** Undefined if there is no goal. */
  readonly met?: boolean | undefined;
  /** Counts and sizes are the same on every machine, so a missed one fails the run. A ratio never does. */
  readonly binding?: boolean;
  readonly note?: string;
}

const MARK = { true: '✓', false: '✗', undefined: ' ' } as const;
const COLUMNS = ['what', 'goal', 'measured', 'note'] as const;

/** Returns one line per row, without a line end after the last. */
export function formatTable(rows: readonly Row[]): string {
  const lines = [
    { what: '', goal: 'goal', measured: 'measured', mark: ' ', note: '' },
    ...rows.map(({ what, goal, measured, met, note = '' }) => ({
      what,
      goal,
      measured,
      mark: MARK[`${met}`],
      note,
    })),
  ];
  const widths = COLUMNS.map((column) => Math.max(...lines.map((line) => line[column].length)));
  const [whatWidth = 0, goalWidth = 0, measuredWidth = 0] = widths;
  return lines
    .map(({ what, goal, measured, mark, note }) =>
      [what.padEnd(whatWidth), goal.padEnd(goalWidth), measured.padEnd(measuredWidth), mark, note]
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Returns the rows that make the run fail. */
export function missed(rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ met, binding }) => met === false && binding === true);
}
