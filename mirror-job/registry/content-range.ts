/** Which part of a blob an answer holds. https://www.rfc-editor.org/rfc/rfc9110#name-content-range */
export interface ContentRange {
  readonly start: number;
  /** Its last byte. */
  readonly end: number;
  /** Of the whole; undefined where it is not said. */
  readonly size: number | undefined;
}

/** @returns undefined for what is missing or no range */
export function parseContentRange(header: string | null): ContentRange | undefined {
  const [, start, end, size] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header ?? '') ?? [];
  if (start === undefined || end === undefined) return undefined;
  return { start: Number(start), end: Number(end), size: size === '*' ? undefined : Number(size) };
}
