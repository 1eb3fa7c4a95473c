/** Describes the differences between two recordings in text for people. */
import type { Recording } from './recording.ts';

/** The most lines of one part that are shown. The others are counted. */
const SHOWN = 40;

export interface Comparison {
  /** One paragraph for each part that differs. */
  readonly differences: readonly string[];
  /** The number of parts that differ, but also differ among the earlier recordings. */
  readonly unstable: number;
}

/** @param before one recording of the earlier checkout; or several, which show the differences that arise by chance */
export function compareRecordings(before: readonly Recording[], after: Recording): Comparison {
  const differences: string[] = [];
  let unstable = 0;
  for (const step of namesIn([...before, after])) {
    for (const part of namesIn([...before, after].map((recording) => recording[step] ?? {}))) {
      const earlier = new Set(before.map((recording) => recording[step]?.[part]));
      const later = after[step]?.[part];
      if (earlier.has(later)) continue;
      if (earlier.size > 1) unstable += 1;
      else differences.push(`${step}, ${part}:\n${differentLines([...earlier][0] ?? '', later ?? '')}`);
    }
  }
  return { differences, unstable };
}

function namesIn(objects: readonly object[]): Set<string> {
  return new Set(objects.flatMap((object) => Object.keys(object)));
}

/**
 * Returns the lines that differ, with `-` for the first text and `+` for the second one, each group after the line
 * before it.
 */
function differentLines(first: string, second: string): string {
  const [left, right] = [first.split('\n'), second.split('\n')];
  const common = longestCommon(left, right);
  const lines: string[] = [];
  let [i, j] = [0, 0];
  for (const [a, b] of [...common, [left.length, right.length] as const]) {
    const changed = [
      ...left.slice(i, a).map((line) => `  - ${line}`),
      ...right.slice(j, b).map((line) => `  + ${line}`),
    ];
    const before = left[i - 1];
    if (changed.length > 0 && before !== undefined) lines.push(`    ${before}`);
    lines.push(...changed);
    [i, j] = [a + 1, b + 1];
  }
  const more = lines.length - SHOWN;
  return [...lines.slice(0, SHOWN), ...(more > 0 ? [`    … and ${more} more lines`] : [])].join('\n');
}

/**
 * Returns pairs of indexes of lines that both texts have, in order. Of texts with thousands of lines, only equal
 * beginnings and ends are found.
 */
function longestCommon(left: readonly string[], right: readonly string[]): (readonly [number, number])[] {
  let start = 0;
  while (start < left.length && left[start] === right[start]) start += 1;
  let end = 0;
  const shorter = Math.min(left.length, right.length) - start;
  while (end < shorter && left[left.length - 1 - end] === right[right.length - 1 - end]) end += 1;
  const pairs: (readonly [number, number])[] = [];
  for (let index = 0; index < start; index += 1) pairs.push([index, index]);
  const middle = middlePairs(left.slice(start, left.length - end), right.slice(start, right.length - end));
  pairs.push(...middle.map(([a, b]) => [a + start, b + start] as const));
  for (let index = end; index > 0; index -= 1) pairs.push([left.length - index, right.length - index]);
  return pairs;
}

function middlePairs(left: readonly string[], right: readonly string[]): (readonly [number, number])[] {
  if (left.length * right.length > 4_000_000) return [];
  const lengths = Array.from({ length: left.length + 1 }, () => new Uint32Array(right.length + 1));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = left.length - 1; i >= 0; i -= 1) {
    const row = lengths[i];
    if (row === undefined) continue;
    for (let j = right.length - 1; j >= 0; j -= 1) {
      row[j] = left[i] === right[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: (readonly [number, number])[] = [];
  let [i, j] = [0, 0];
  while (i < left.length && j < right.length) {
    if (left[i] === right[j]) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return pairs;
}
