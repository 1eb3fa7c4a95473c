/**
 * Splits a Dockerfile into instructions, by the rules of BuildKit's parser.
 * https://docs.docker.com/reference/dockerfile/#format
 */
import { unquoted, wordsOf } from './words.ts';

export interface Instruction {
  /** In upper case. `ONBUILD COPY` is called `COPY`, and has `isTrigger`. */
  readonly name: string;
  /** Whether an image that is built on this one runs it. */
  readonly isTrigger: boolean;
  /** `--from=…`, without quotes. */
  readonly flags: readonly string[];
  /** The text after the flags. Continued lines are joined. */
  readonly text: string;
  /** The line on which it begins, counted from 1. */
  readonly line: number;
}

export interface Instructions {
  /** A backslash, or the backtick that `# escape=` chooses. */
  readonly escape: string;
  /** The image of `# syntax=`. */
  readonly syntax?: { readonly image: string; readonly line: number };
  readonly list: readonly Instruction[];
  /** A heredoc without an end, which hides all that follows it. */
  readonly unclosed?: { readonly name: string; readonly line: number };
}

export function readInstructions(text: string): Instructions {
  return new InstructionReader(text).read();
}

const DIRECTIVE = /^\s*#\s*(syntax|escape|check)\s*=(.*)$/i;
const HEREDOC = /^\d*<<(-?)([^<]+)$/;
const WITH_HEREDOC: ReadonlySet<string> = new Set(['ADD', 'COPY', 'RUN']);

interface Heredoc {
  readonly name: string;
  /** `<<-`: its end may be indented with tabs. */
  readonly hasTabs: boolean;
  /** `<< EOF`, which older versions of BuildKit do not take for a heredoc. */
  readonly isSpaced: boolean;
}

class InstructionReader {
  readonly #lines: readonly string[];
  /** The last line with each text, so that a heredoc without an end costs no search. */
  readonly #lastLines = new Map<string, number>();
  #escape = '\\';
  #at = 0;

  constructor(text: string) {
    this.#lines = text
      .replace(/^\uFEFF/, '')
      .split('\n')
      .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
    for (const [index, line] of this.#lines.entries()) {
      this.#lastLines.set(line, index);
      this.#lastLines.set(withoutTabs(line), index);
    }
  }

  read(): Instructions {
    const syntax = this.#directives();
    const list: Instruction[] = [];
    let unclosed: Instructions['unclosed'];
    while (this.#at < this.#lines.length && unclosed === undefined) {
      const line = this.#at + 1;
      const text = this.#logicalLine();
      if (text === '') continue;
      const instruction = instructionIn(text, this.#escape, line);
      list.push(instruction);
      for (const heredoc of heredocsOf(instruction)) {
        if (!this.#skip(heredoc)) unclosed ??= { name: heredoc.name, line };
      }
    }
    return {
      escape: this.#escape,
      list,
      ...(syntax === undefined ? {} : { syntax }),
      ...(unclosed === undefined ? {} : { unclosed }),
    };
  }

  /**
   * Directives are the first comments of a file, up to the first line that is none. BuildKit reads them twice: to find
   * the syntax, it skips the line of a script's interpreter, and allows no indentation; for the rest it is the other way round.
   */
  #directives(): Instructions['syntax'] {
    const isScript = this.#lines[0]?.startsWith('#!') === true;
    let syntax: Instructions['syntax'];
    let isIndented = false;
    for (let at = isScript ? 1 : 0; at < this.#lines.length; at += 1) {
      const [whole = '', name = '', written = ''] = DIRECTIVE.exec(this.#lines[at] ?? '') ?? [];
      const value = written.trim();
      if (value === '') break;
      isIndented ||= !whole.startsWith('#');
      const key = name.toLowerCase();
      if (key === 'escape' && value === '`' && !isScript) this.#escape = value;
      if (key === 'syntax' && !isIndented) syntax ??= { image: value.split(' ', 1)[0] ?? '', line: at + 1 };
    }
    return syntax;
  }

  /** Reads a line with those that continue it. It is empty for a comment. */
  #logicalLine(): string {
    let text = '';
    let isContinued = true;
    for (let isFirst = true; isContinued && this.#at < this.#lines.length; isFirst = false) {
      const line = this.#lines[this.#at] ?? '';
      this.#at += 1;
      const isSkipped = line.trimStart().startsWith('#') || line.trim() === '';
      if (isSkipped && isFirst) return '';
      if (isSkipped) continue;
      const trimmed = line.trimEnd();
      isContinued = trimmed.endsWith(this.#escape) && !trimmed.endsWith(this.#escape + this.#escape);
      text += isContinued ? trimmed.slice(0, -1) : line;
    }
    return text.trim();
  }

  /** Goes behind the end of a heredoc. Returns false if there is no end. */
  #skip({ name, hasTabs, isSpaced }: Heredoc): boolean {
    if ((this.#lastLines.get(name) ?? -1) < this.#at) return isSpaced;
    for (let at = this.#at; at < this.#lines.length; at += 1) {
      const line = this.#lines[at] ?? '';
      if ((hasTabs ? withoutTabs(line) : line) === name) {
        this.#at = at + 1;
        return true;
      }
    }
    return isSpaced;
  }
}

function withoutTabs(line: string): string {
  return line.replace(/^\t+/, '');
}

function instructionIn(text: string, escape: string, line: number): Instruction {
  const [name, rest] = firstWord(text);
  if (name.toUpperCase() === 'ONBUILD') {
    const [trigger, triggerRest] = firstWord(rest);
    return { name: trigger.toUpperCase(), isTrigger: true, ...flagsIn(triggerRest, escape), line };
  }
  return { name: name.toUpperCase(), isTrigger: false, ...flagsIn(rest, escape), line };
}

function firstWord(text: string): [string, string] {
  const end = text.search(/\s/);
  return end === -1 ? [text, ''] : [text.slice(0, end), text.slice(end).trimStart()];
}

function flagsIn(text: string, escape: string): { flags: string[]; text: string } {
  if (!text.startsWith('--')) return { flags: [], text };
  const flags: string[] = [];
  let rest = text;
  while (rest.startsWith('--')) {
    const [word = ''] = wordsOf(rest, escape);
    rest = rest.slice(word.length).trimStart();
    if (word === '--') break;
    flags.push(unquoted(word, escape));
  }
  return { flags, text: rest };
}

function heredocsOf({ name, text }: Instruction): Heredoc[] {
  if (!WITH_HEREDOC.has(name) || !text.includes('<<')) return [];
  // A heredoc's line is split with a backslash, also if `# escape=` chooses the backtick.
  const words = [...wordsOf(text, '\\')];
  return words.flatMap((word, index) => {
    const isSpaced = /^\d*<<$/.test(word);
    const [, tabs = '', quoted = ''] = HEREDOC.exec(isSpaced ? word + (words[index + 1] ?? '') : word) ?? [];
    const end = unquoted(quoted, '\\');
    return end === '' ? [] : [{ name: end, hasTabs: tabs === '-', isSpaced }];
  });
}
