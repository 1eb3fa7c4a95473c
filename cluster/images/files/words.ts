/** Splits the text of an instruction into words, as BuildKit does: at spaces that stand in no quotes. */

/**
 * Splits a text into words, which keep their quotes and escapes.
 * @param escape the character before one that stands for itself
 */
export function* wordsOf(text: string, escape: string): Generator<string> {
  let word = '';
  for (const { character, written, isQuoted } of charactersOf(text, escape)) {
    if (isQuoted || !/^\s$/.test(character)) {
      word += written;
    } else {
      if (word !== '') yield word;
      word = '';
    }
  }
  if (word !== '') yield word;
}

/** Removes quotes and escapes. */
export function unquoted(word: string, escape: string): string {
  let text = '';
  for (const { character } of charactersOf(word, escape)) text += character;
  return text;
}

/** One character, or a quotation mark, whose `character` is empty. */
interface WrittenCharacter {
  readonly character: string;
  /** With the escape before it. */
  readonly written: string;
  /** Whether it is in quotes, is one, or is escaped. */
  readonly isQuoted: boolean;
}

function* charactersOf(text: string, escape: string): Generator<WrittenCharacter> {
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === escape && quote !== "'") {
      at += 1;
      const escaped = text.charAt(at);
      yield { character: escaped, written: escape + escaped, isQuoted: true };
    } else if (quote === '' ? character === '"' || character === "'" : character === quote) {
      quote = quote === '' ? character : '';
      yield { character: '', written: character, isQuoted: true };
    } else {
      yield { character, written: character, isQuoted: quote !== '' };
    }
  }
}
