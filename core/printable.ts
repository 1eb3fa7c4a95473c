/**
 * Texts of others, made safe to show. Upstreams, buckets and files of other tools can hold characters that move a
 * terminal's cursor, begin a new line in a log, or turn the order of the letters around.
 */

/**
 * Controls (Cc), line and paragraph separators (Zl, Zp), halves of a character (Cs), and invisible characters (Cf), to
 * which those belong that change the direction of a text.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const UNPRINTABLE_IN_LINES = /[^\n\P{Cc}]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The text with each unprintable character, line ends included, written as in JSON: `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, escape);
}

/** Does the same but for line ends, for a text whose lines are Lifeboat's own. JSON stays the same JSON. */
export function printableLines(text: string): string {
  return text.replaceAll(UNPRINTABLE_IN_LINES, escape);
}

/** The text without its unprintable characters. */
export function withoutUnprintable(text: string): string {
  return text.replaceAll(UNPRINTABLE, '');
}

/** In characters. No sentence of Lifeboat's own is as long; the addresses and platforms that an upstream names may be. */
const LONGEST = 2000;
const [BEGINNING, END] = [1500, 500];

/** The text, or the beginning and the end of a long one: advice stands at the end of a sentence. */
export function brief(text: string): string {
  if (text.length <= LONGEST) return text;
  const left = (text.length - BEGINNING - END).toLocaleString('en-US');
  return `${text.slice(0, BEGINNING)} […${left} characters…] ${text.slice(-END)}`;
}

/** A character beyond the first 65,536 is written as its two halves, as JSON needs it. */
function escape(character: string): string {
  let escaped = '';
  for (let index = 0; index < character.length; index += 1) {
    escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }
  return escaped;
}
