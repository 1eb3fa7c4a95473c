/** A YAML file with the places of its keys, so that each error can name its line. */
import { LineCounter, isMap, isNode, isScalar, parseDocument, visit, type Document } from 'yaml';
import { ConfigurationError, type Problem } from './configuration-error.ts';

export type Path = readonly PropertyKey[];

export class ConfigurationDocument {
  readonly #file: string;
  readonly #document: Document;
  readonly #lines: LineCounter;

  private constructor(file: string, document: Document, lines: LineCounter) {
    this.#file = file;
    this.#document = document;
    this.#lines = lines;
  }

  /**
   * @param environment what `${NAME}` in a value stands for
   * @throws {ConfigurationError} for what is not YAML, and for each variable that is not set
   */
  static parse(
    file: string,
    text: string,
    environment: Readonly<Record<string, string | undefined>>,
  ): ConfigurationDocument {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines });
    const [error] = document.errors;
    if (error !== undefined) {
      const message = error.message.split('\n', 1)[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? '';
      throw new ConfigurationError(file, [
        { line: lines.linePos(error.pos[0]).line, key: '', message: `${message}.` },
      ]);
    }
    const unset: Problem[] = [];
    visit(document, {
      Scalar(key, node) {
        if (key === 'key' || typeof node.value !== 'string') return;
        node.value = node.value.replaceAll(/\$\{([^}]*)\}/g, (whole, name: string) => {
          const value = environment[name];
          if (value !== undefined) return value;
          unset.push({
            line: node.range ? lines.linePos(node.range[0]).line : undefined,
            key: '',
            message: `the environment variable ${name} is not set. Set it, or replace ${whole} by its value.`,
          });
          return '';
        });
      },
    });
    if (unset.length > 0) throw new ConfigurationError(file, unset);
    return new ConfigurationDocument(file, document, lines);
  }

  toJson(): unknown {
    return this.#document.toJS();
  }

  /** @throws {ConfigurationError} when there is a problem */
  refuse(problems: readonly { readonly path: Path; readonly message: string }[]): void {
    if (problems.length === 0) return;
    throw new ConfigurationError(
      this.#file,
      problems.map(({ path, message }) => ({ line: this.#lineOf(path), key: formatPath(path), message })),
    );
  }

  /** The line of a key; where the key is missing, that of what should hold it. */
  #lineOf(path: Path): number | undefined {
    for (let length = path.length; length >= 0; length -= 1) {
      const offset = this.#offsetOf(path.slice(0, length));
      if (offset !== undefined) return this.#lines.linePos(offset).line;
    }
    return undefined;
  }

  #offsetOf(path: Path): number | undefined {
    const parent = path.length === 0 ? undefined : this.#node(path.slice(0, -1));
    if (isMap(parent)) {
      const last = path.at(-1);
      const pair = parent.items.find(({ key }) => isScalar(key) && key.value === last);
      return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
    }
    const node = this.#node(path);
    return isNode(node) ? node.range?.[0] : undefined;
  }

  #node(path: Path): unknown {
    return path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
  }
}

function formatPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w-]+$/.test(String(part))) text += `${text === '' ? '' : '.'}${String(part)}`;
    else text += `["${String(part)}"]`;
  }
  return text;
}
