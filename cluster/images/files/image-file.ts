/** Makes the findings of one file: an image gets the file's format and path, and a problem its path and a line. */
import type { ImageUse, Mention, Problem } from '../mention.ts';
import { readImageName } from '../named-image.ts';
import type { Expansion } from './variable.ts';

export class ImageFile {
  readonly #kind: string;
  readonly #path: string;

  /** @param kind the file's format, as `ImageUse.kind` names it */
  constructor(kind: string, path: string) {
    this.#kind = kind;
    this.#path = path;
  }

  /** @param container the service, the job or the build stage, if there is one */
  image(name: string, line: number, container?: string): Mention | Problem {
    const named = readImageName(name);
    if ('reason' in named) return this.problem(line, `${named.reason} It was left out.`);
    const use: ImageUse = { kind: this.#kind, name: this.#path, how: 'spec' };
    return {
      kind: 'mention',
      reference: named.reference,
      use: container === undefined ? use : { ...use, container },
    };
  }

  /**
   * An image whose name may contain variables.
   * @param name as the file writes it
   * @param explain says why a variable has no value, and what to do
   */
  expanded(
    name: string,
    { text, missing: [missing], fault }: Expansion,
    explain: (variable: string) => string,
    line: number,
    container?: string,
  ): Mention | Problem {
    if (fault !== undefined) return this.leftOut(name, line, fault);
    if (missing !== undefined) return this.leftOut(name, line, explain(missing));
    return text === '' ? this.leftOut(name, line, 'it is empty.') : this.image(text, line, container);
  }

  /** @param reason goes on after a colon: `ARG X has no value. Give it one.` */
  leftOut(name: string, line: number, reason: string): Problem {
    return this.problem(line, `The image "${name.slice(0, 300)}" was left out: ${reason}`);
  }

  problem(line: number, message: string): Problem {
    return { kind: 'problem', where: `${this.#path}:${line}`, message };
  }
}
