/**
 * Makes texts from outside safe to show. Upstreams, buckets and files of other tools can contain characters that move a
 * terminal's cursor, begin a new line in a log, or reverse the order of the letters.
 */

/**
 * Controls (Cc), line and paragraph separators (Zl, Zp), halves of a character (Cs), and invisible characters (Cf), among
 * them those that change the direction of a text.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const UNPRINTABLE_IN_LINES = /[^\n\P{Cc}]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Writes each unprintable character, line ends included, as JSON does: `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, escape);
}

/** The same as `printable`, but keeps line ends, for texts whose lines are Lifeboat's own. JSON keeps its value. */
export function printableLines(text: string): string {
  return text.replaceAll(UNPRINTABLE_IN_LINES, escape);
}

/** Removes the unprintable characters. */
export function withoutUnprintable(text: string): string {
  return text.replaceAll(UNPRINTABLE, '');
}

/** In characters. No sentence of Lifeboat's own is as long, but the addresses and platforms of an upstream can be. */
const MAX_LENGTH = 2000;
const [BEGINNING, END] = [1500, 500];

/** Shortens a long text to its beginning and its end. The end stays, because advice stands at the end of a sentence. */
export function brief(text: string): string {
  if (text.length <= MAX_LENGTH) return text;
  const omitted = (text.length - BEGINNING - END).toLocaleString('en-US');
  return `${text.slice(0, BEGINNING)} […${omitted} characters…] ${text.slice(-END)}`;
}

/** Writes a character beyond the first 65,536 as its two halves, because JSON requires that. */
function escape(character: string): string {
  let escaped = '';
  for (let index = 0; index < character.length; index += 1) {
    escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}
