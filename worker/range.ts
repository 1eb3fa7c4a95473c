/** The Range header. https://www.rfc-editor.org/rfc/rfc9110#section-14.2 */
import type { ByteRange } from './store/store.ts';

export interface Ranges {
  /** How many the header lists. More than one is answered as a list, however many are left of it. */
  readonly listed: number;
  /** Those that the blob has, as they were asked for; none of them: 416. */
  readonly satisfiable: readonly ByteRange[];
}

/**
 * @param size of the whole, in bytes
 * @returns undefined to answer the whole: no range, or none that can be read
 */
export function parseRanges(header: string | undefined, size: number): Ranges | undefined {
  const [, list] = /^bytes=(.*)$/i.exec(header ?? '') ?? [];
  // An element may be empty: RFC 9110, 5.6.1.2.
  const texts = list?.split(',').map((text) => text.trim()) ?? [];
  const ranges = texts.filter((text) => text !== '').map((text) => parseRange(text, size));
  if (ranges.length === 0 || ranges.includes(undefined)) return undefined;
  return {
    listed: ranges.length,
    satisfiable: ranges.filter((range) => range !== undefined && range !== 'unsatisfiable'),
  };
}

function parseRange(text: string, size: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first, last] = /^(\d{0,16})-(\d{0,16})$/.exec(text) ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  // `500-0` can be no range at all; the conformance suite wants it refused like one beyond the end.
  return start > end ? 'unsatisfiable' : { start, end };
}

/** Whether each begins behind the one before it. Clients that ask for several ask so. */
export function areAscending(ranges: readonly ByteRange[]): boolean {
  return ranges.every(({ start }, index) => start > (ranges[index - 1]?.end ?? -1));
}
