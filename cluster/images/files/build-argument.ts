/** The ARGs before the first FROM of a Dockerfile, whose values FROM may use. */
import { unquoted, wordsOf } from './words.ts';
import { expand, literal, unknown, type Expansion, type VariableSyntax } from './variable.ts';

/** https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope */
const AUTOMATIC = /^(?:BUILD|TARGET)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT)$|^TARGETSTAGE$/;

export class BuildArguments {
  readonly #given: ReadonlyMap<string, string>;
  readonly #syntax: VariableSyntax;
  readonly #values = new Map<string, Expansion>();
  /** The line of each ARG, also of those without a value. */
  readonly #lines = new Map<string, number>();

  /** @param given values that replace the defaults */
  constructor(given: ReadonlyMap<string, string>, escape: string) {
    this.#given = given;
    this.#syntax = { hasModifiers: true, hasDoubledDollar: false, escape };
  }

  /** @param text of an ARG: one or several names, each with or without a value */
  declare(text: string, line: number): void {
    const escape = this.#syntax.escape ?? '';
    for (const word of wordsOf(text, escape)) {
      const equals = word.indexOf('=');
      const name = unquoted(equals === -1 ? word : word.slice(0, equals), escape);
      const given = this.#given.get(name);
      this.#lines.set(name, line);
      if (given !== undefined) this.#values.set(name, literal(given));
      else if (equals !== -1) this.#values.set(name, this.expand(word.slice(equals + 1)));
    }
  }

  expand(text: string): Expansion {
    return expand(text, this.#syntax, (name) => this.#values.get(name) ?? this.#automatic(name));
  }

  /** Whether the builder sets all of these, so that a name of nothing else is that of a stage for a platform. */
  areAutomatic(names: readonly string[]): boolean {
    return names.every((name) => AUTOMATIC.test(name));
  }

  /** Says why an argument has no value, and what to do. */
  readonly explain = (name: string): string => {
    if (AUTOMATIC.test(name)) {
      return `${name} has another value on each platform. List the images that it stands for in a file of their own.`;
    }
    const line = this.#lines.get(name);
    return line === undefined
      ? `no ARG before the first FROM declares ${name}. Add "ARG ${name}=…" there.`
      : `ARG ${name} in line ${line} has no value. Give it a default, or pass it as a build argument.`;
  };

  /** BuildKit sets these itself, so that no default takes their place, and a build argument needs no ARG. */
  #automatic(name: string): Expansion | undefined {
    if (!AUTOMATIC.test(name)) return undefined;
    const given = this.#given.get(name);
    return given === undefined ? unknown(name) : literal(given);
  }
}
