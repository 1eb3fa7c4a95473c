/** The Range header. https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2 */
import type { ByteRange } from './store/store.ts';

/**
 * @param size of the whole, in bytes
 * @returns undefined to answer the whole: no range, several, or none that can be read
 */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=\s*(\d{0,16})-(\d{0,16})\s*$/i.exec(header ?? '') ?? [];
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
