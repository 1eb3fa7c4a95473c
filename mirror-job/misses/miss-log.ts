/**
 * Counts the misses in an edge's log, whatever program wrote the file: the edge's own lines, `wrangler tail --format json`,
 * or an export of Workers Logs. There the edge's line is a text inside of JSON, once or twice over, and a line of the file may
 * hold a whole export. So the text is searched piece by piece, and neither parsed nor split into lines.
 */
import { NameInvalidError, formatReference, parseReference, type Reference } from '../../core/reference.ts';

/** The most images that are kept. A file of a public edge can name any number of them. */
export const MAX_IMAGES = 100_000;

export interface MissedImage {
  /** With a tag or a digest, and not with both. */
  readonly reference: Reference;
  readonly requests: number;
}

export interface MissLog {
  /** Each image once, in no order. */
  readonly images: readonly MissedImage[];
  /** How many of the edge's lines there are, with and without a miss. */
  readonly requests: number;
  /** How many values of `miss` are no reference with a tag or a digest. */
  readonly unreadable: number;
  /** How many misses are of images beyond the most that are kept. */
  readonly beyond: number;
}

/**
 * Finds `"miss":"REFERENCE"`, and `"storeMs":`, which each line of the edge has. Each level of JSON puts further backslashes
 * before a quote, and CSV doubles it.
 */
const FIELDS =
  /"(?:storeMs\\{0,15}"|miss\\{0,15}"{1,2}\s{0,8}:\s{0,8}\\{0,15}"{1,2}([^"]{1,600}?)\\{0,15}")/g;
/** Longer than every text that FIELDS matches. */
const MAX_MATCH_LENGTH = 700;

/**
 * @param pieces pieces of the file, in their order
 * @param maxImages how many images are kept
 */
export async function readMissLog(
  pieces: AsyncIterable<Uint8Array | string>,
  maxImages = MAX_IMAGES,
): Promise<MissLog> {
  const images = new Map<string, number>();
  const counts = { requests: 0, unreadable: 0, beyond: 0 };
  const count = (text: string): void => {
    // The edge writes normalised names, so most texts are known as they are.
    const name = images.has(text) ? text : nameIn(text);
    if (name === undefined) counts.unreadable += 1;
    else if (images.has(name) || images.size < maxImages) images.set(name, (images.get(name) ?? 0) + 1);
    else counts.beyond += 1;
  };
  let rest = '';
  for await (const piece of pieces) {
    // A reference has only ASCII characters, so other encodings of the rest of the file do not matter.
    const text = rest + (typeof piece === 'string' ? piece : Buffer.from(piece).toString('latin1'));
    let end = 0;
    for (const match of text.matchAll(FIELDS)) {
      end = match.index + match[0].length;
      if (match[1] === undefined) counts.requests += 1;
      else count(match[1]);
    }
    // The beginning of a field may be at the end of this piece.
    rest = text.slice(Math.max(end, text.length - MAX_MATCH_LENGTH));
  }
  return {
    images: [...images].map(([name, requests]) => ({ reference: parseReference(name), requests })),
    ...counts,
  };
}

/**
 * @returns the normalised name, in which a digest takes the place of the tag beside it; undefined for a text that is no
 *   reference, or has neither a tag nor a digest
 */
function nameIn(text: string): string | undefined {
  try {
    const { repository, tag, digest } = parseReference(text);
    if (tag === undefined && digest === undefined) return undefined;
    const name = formatReference({ repository, tag: digest === undefined ? tag : undefined, digest });
    // The copy matters: V8 makes a part of a text as a view of the whole piece of the file, and keeps that in memory.
    return Buffer.from(name, 'latin1').toString('latin1');
  } catch (error) {
    if (error instanceof NameInvalidError) return undefined;
    throw error;
  }
}
