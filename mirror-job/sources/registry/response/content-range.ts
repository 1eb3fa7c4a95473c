/** The part of a blob that an answer holds. https://www.rfc-editor.org/rfc/rfc9110#name-content-range */
export interface ContentRange {
  readonly start: number;
  /** The position of the last byte. */
  readonly end: number;
  /** The size of the whole blob, in bytes; undefined when the answer does not tell. */
  readonly size: number | undefined;
}

/** @returns undefined for a header that is missing or no range */
export function parseContentRange(header: string | null): ContentRange | undefined {
  const [, start, end, size] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header ?? '') ?? [];
  if (start === undefined || end === undefined) return undefined;
  return { start: Number(start), end: Number(end), size: size === '*' ? undefined : Number(size) };
}
