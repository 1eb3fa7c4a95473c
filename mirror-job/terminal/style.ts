/** Colours text and aligns columns. Colours appear on a terminal only. https://no-color.org */
import { WriteStream } from 'node:tty';
import { stripVTControlCharacters, styleText } from 'node:util';
import type { Output } from './io.ts';

export interface Style {
  readonly good: (text: string) => string;
  /** For what waits, such as a held tag. */
  readonly waits: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly faint: (text: string) => string;
}

/** @param stream colours appear only if it is a terminal that shows them, and NO_COLOR is not set */
export function styleFor(stream: Output, env: NodeJS.ProcessEnv): Style {
  if (!showsColours(stream, env)) return { good: String, waits: String, bad: String, faint: String };
  return { good: paintIn('green'), waits: paintIn('yellow'), bad: paintIn('red'), faint: paintIn('dim') };
}

function paintIn(format: 'green' | 'yellow' | 'red' | 'dim'): (text: string) => string {
  return (text) => styleText(format, text, { validateStream: false });
}

/** Decides as `styleText` does, but by an environment that may differ from the process's own. */
function showsColours(stream: Output, env: NodeJS.ProcessEnv): boolean {
  if (env['FORCE_COLOR'] !== undefined) return WriteStream.prototype.getColorDepth(env) > 2;
  return stream.isTTY === true && (stream.getColorDepth?.(env) ?? 3) > 2;
}

/** Pads each column to its widest cell, except the last column. A column without text is left out. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)),
      )
      .filter((_, column) => widths[column] !== 0)
      .join('  '),
  );
}

/** The columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Formats bytes in decimal units, as registries show them: `12.3 MB`. */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 999.5 && unit < BYTE_UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${unit === 0 || amount >= 99.95 ? amount.toFixed(0) : amount.toFixed(1)} ${BYTE_UNITS[unit] ?? ''}`;
}

/** Formats a duration: `850 ms`, `4.2 s`, `3 min 20 s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 3600
    ? `${Math.floor(whole / 60)} min ${whole % 60} s`
    : `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Shortens each digest in a text to as many digits as people need to recognise it. */
export function shortenDigests(text: string): string {
  return text.replaceAll(/(sha\d+:[0-9a-f]{12})[0-9a-f]+/g, '$1');
}

/** Shortens a digest to its first digits, as container tools show it, without the usual `sha256:`. */
export function shortDigest(digest: string): string {
  return shortenDigests(digest).replace(/^sha256:/, '');
}
