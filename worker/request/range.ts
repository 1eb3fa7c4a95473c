/** The Range header. https://www.rfc-editor.org/rfc/rfc9110#section-14.2 */
import type { ByteRange } from '../store/store.ts';

export interface Ranges {
  /**
   * How many ranges the header lists. If it lists several, the answer has several parts, even if only one is satisfiable.
   */
  readonly listed: number;
  /** The ranges that lie within the blob, in the order of the header. If there are none, the answer is 416. */
  readonly satisfiable: readonly ByteRange[];
}

/**
 * @param size the blob's, in bytes
 * @returns undefined if there is no range, or one that cannot be read, so that the answer is the whole blob
 */
export function parseRanges(header: string | undefined, size: number): Ranges | undefined {
  const [, list] = /^bytes=(.*)$/i.exec(header ?? '') ?? [];
  // An element of the list may be empty: RFC 9110, section 5.6.1.2.
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
  // RFC 9110 calls `500-0` invalid, but the conformance suite wants it refused like a range beyond the end.
  return start > end ? 'unsatisfiable' : { start, end };
}

/** Whether each range begins after the end of the previous one. Clients that ask for several ranges list them so. */
export function areAscending(ranges: readonly ByteRange[]): boolean {
  return ranges.every(({ start }, index) => start > (ranges[index - 1]?.end ?? -1));
}
