/** Writes sizes, times and digests for pages. */
import { hexOf, type Digest } from '../../core/digest.ts';
import { brief, printable } from '../../core/printable.ts';

const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Decimal units, as registries and container tools have them: `72.3 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes / 1000;
  let unit = 0;
  // 999.95 would be written as 1000.0.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 99.95 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 tag`, `2 tags`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** The first digits of a digest, as `docker images` has them. */
export function shortDigest(digest: Digest): string {
  return hexOf(digest).slice(0, 12);
}

const [MINUTE, HOUR, DAY, YEAR] = [60, 3600, 86_400, 31_557_600];

/** The largest unit alone, rounded down: `12 min`, `3 h`, `9 d`, `2 y`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < MINUTE) return `${Math.floor(seconds)} s`;
  if (seconds < 2 * HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`;
  if (seconds < 2 * YEAR) return `${Math.floor(seconds / DAY)} d`;
  return `${Math.floor(seconds / YEAR)} y`;
}

/** A time before the server's own, or of a clock that is ahead. */
export function formatAge(time: string, nowMs: number): string {
  const ageMs = nowMs - Date.parse(time);
  if (ageMs < -MINUTE * 1000) return `in ${formatDuration(-ageMs)}`;
  return ageMs < MINUTE * 1000 ? 'just now' : `${formatDuration(ageMs)} ago`;
}

/** To the minute: `2026-01-31 23:59 UTC`. */
export function formatTime(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}

/**
 * A text from an upstream, an image or the bucket. JSX escapes markup, but not characters that are invisible or that
 * reverse the letters after them.
 */
export function shown(text: string): string {
  return brief(printable(text));
}

/**
 * The beginning of an image's text, which may have any length.
 * @param most how many rows the page's lists have. A text has eight characters for each of them
 */
export function cut(text: string, most = 12): string {
  const left = text.length - 8 * most;
  return left > 0 ? `${shown(text.slice(0, 8 * most))}… (${formatCount(left)} more characters)` : shown(text);
}
