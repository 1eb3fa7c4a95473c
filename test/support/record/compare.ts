/** The differences between two recordings, as text for people. */
import type { Recording } from './recording.ts';

/** So many lines of one part are shown; the rest is counted. */
const SHOWN = 40;

/** @returns one paragraph for each part that differs; none if both recordings are equal */
export function compareRecordings(first: Recording, second: Recording): string[] {
  const steps = [...new Set([...Object.keys(first), ...Object.keys(second)])];
  return steps.flatMap((step) => {
    const [left, right] = [first[step], second[step]];
    if (left === undefined) return [`${step}: only the second recording has this step`];
    if (right === undefined) return [`${step}: only the first recording has this step`];
    const parts = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    return parts.flatMap((part) => {
      if (left[part] === right[part]) return [];
      return [`${step}, ${part}:\n${differentLines(left[part] ?? '', right[part] ?? '')}`];
    });
  });
}

/** The lines that differ, with `-` for the first text and `+` for the second one, and the line before them. */
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

/** Pairs of indexes of lines that both texts have, in order. Texts of thousands of lines are compared from both ends. */
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
