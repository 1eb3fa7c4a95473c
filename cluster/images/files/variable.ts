/** Puts the values of variables into a text, as Dockerfiles, Compose and GitLab CI each do it. */

/** How one format writes variables. All know `$NAME` and `${NAME}`. */
export interface VariableSyntax {
  /**
   * `${NAME:-default}`, `${NAME-default}`, `${NAME:+other}`, `${NAME+other}`, `${NAME:?message}`, `${NAME?message}`. Those
   * that cut a part off, such as `${NAME%.*}`, are told apart and not understood.
   */
  readonly hasModifiers: boolean;
  /** `$$` stands for `$`. */
  readonly hasDoubledDollar: boolean;
  /** The character before one that stands for itself. With it come quotes, which work as in a shell. */
  readonly escape?: string;
}

export interface Expansion {
  /** Has `UNKNOWN` in place of each variable without a value. */
  readonly text: string;
  /** The variables without a value, in the order of the text. */
  readonly missing: readonly string[];
  /** Why the text cannot be read: a sentence with the next step. */
  readonly fault?: string;
}

/** Returns the value of a variable; undefined if it has none. */
export type VariableLookup = (name: string) => Expansion | undefined;

/** No name of an image has this character. */
export const UNKNOWN = '\0';

const NAME = /[A-Za-z_]\w*/y;
const MODIFIER = /:?[-+?]|[#%/]/y;
/** Real files nest two or three deep. */
const MAX_DEPTH = 50;
/** In characters, beyond the text itself. A name has 255, and variables of variables can double a text many times. */
const MAX_GROWTH = 10_000;

export function expand(text: string, syntax: VariableSyntax, lookup: VariableLookup): Expansion {
  try {
    return new Expander(text, syntax, lookup).read();
  } catch (error) {
    if (!(error instanceof ExpansionError)) throw error;
    return { text: '', missing: [], fault: error.message };
  }
}

/** A text that contains no variables, or whose variables have their values already. */
export function literal(text: string): Expansion {
  return { text, missing: [] };
}

/** The value of a variable that is not known. */
export function unknown(name: string): Expansion {
  return { text: UNKNOWN, missing: [name] };
}

function isUnknown({ text, missing }: Expansion): boolean {
  return missing.length > 0 && text.replaceAll(UNKNOWN, '') === '';
}

class ExpansionError extends Error {
  override readonly name = 'ExpansionError';
}

class Expander {
  readonly #text: string;
  readonly #syntax: VariableSyntax;
  readonly #lookup: VariableLookup;
  #at = 0;
  #depth = 0;

  constructor(text: string, syntax: VariableSyntax, lookup: VariableLookup) {
    this.#text = text;
    this.#syntax = syntax;
    this.#lookup = lookup;
  }

  read(): Expansion {
    return this.#until(undefined, this.#syntax.escape !== undefined);
  }

  /** Reads up to a character and over it, or to the end of the text. */
  #until(stop: string | undefined, hasQuotes: boolean): Expansion {
    let text = '';
    const missing: string[] = [];
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at);
      this.#at += 1;
      if (character === stop) return { text, missing };
      const part = this.#part(character, hasQuotes);
      if (typeof part === 'string') text += part;
      else {
        text += part.text;
        missing.push(...part.missing);
      }
      if (text.length > this.#text.length + MAX_GROWTH) {
        throw new ExpansionError('its variables make it too long. Write the name without them.');
      }
    }
    if (stop !== undefined) throw new ExpansionError(`a "${stop}" is missing. Add it.`);
    return { text, missing };
  }

  #part(character: string, hasQuotes: boolean): string | Expansion {
    if (character === '$') return this.#variable();
    if (character === this.#syntax.escape) return this.#escaped(hasQuotes);
    if (hasQuotes && character === "'") return this.#singleQuoted();
    if (hasQuotes && character === '"') return this.#until('"', false);
    return character;
  }

  /** Within double quotes, the escape character is one only before a quote, a dollar and itself. */
  #escaped(isOutside: boolean): string {
    const escape = this.#syntax.escape ?? '';
    const next = this.#text.charAt(this.#at);
    if (!isOutside && ![escape, '"', '$'].includes(next)) return escape;
    this.#at += 1;
    return next;
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at);
    if (end === -1) throw new ExpansionError(`a "'" is missing. Add it.`);
    const text = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return text;
  }

  #variable(): string | Expansion {
    if (this.#syntax.hasDoubledDollar && this.#text.charAt(this.#at) === '$') {
      this.#at += 1;
      return '$';
    }
    if (this.#text.charAt(this.#at) !== '{') {
      const name = this.#match(NAME);
      return name === '' ? '$' : this.#value(name);
    }
    this.#at += 1;
    const name = this.#match(NAME);
    if (name === '') throw new ExpansionError('after "${" comes the name of a variable. Write one.');
    if (this.#text.charAt(this.#at) === '}') {
      this.#at += 1;
      return this.#value(name);
    }
    const modifier = this.#syntax.hasModifiers ? this.#match(MODIFIER) : '';
    if (modifier === '') {
      throw new ExpansionError(
        `"\${${name}${this.#text.slice(this.#at, this.#at + 2)}" is not understood. Write "\${${name}}", or the name without variables.`,
      );
    }
    return this.#modified(name, modifier);
  }

  #modified(name: string, modifier: string): string | Expansion {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) {
      throw new ExpansionError('its variables are nested too deep. Write the name without them.');
    }
    const word = this.#until('}', this.#syntax.escape !== undefined);
    this.#depth -= 1;
    const value = this.#lookup(name);
    if (value?.fault !== undefined) throw new ExpansionError(value.fault);
    const isColon = modifier.startsWith(':');
    // A value that is wholly unknown may be empty.
    if (value !== undefined && isUnknown(value) && (isColon || /[#%/]/.test(modifier))) return value;
    const hasValue = value !== undefined && !(isColon && value.text === '');
    if (modifier.endsWith('-')) return hasValue ? value : word;
    if (modifier.endsWith('+')) return hasValue ? word : '';
    if (modifier.endsWith('?')) return hasValue ? value : unknown(name);
    throw new ExpansionError(`"\${${name}${modifier}…}" is not understood. Write the name without it.`);
  }

  #value(name: string): Expansion {
    const value = this.#lookup(name);
    if (value === undefined) return unknown(name);
    if (value.fault !== undefined) throw new ExpansionError(value.fault);
    return value;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ''] = pattern.exec(this.#text) ?? [];
    this.#at += found.length;
    return found;
  }
}
