/** Reads a YAML file and knows the line of each key, so that each error can name it. */
import { isAlias, isMap, isNode, isScalar, LineCounter, type Document } from 'yaml';
import { ProblemsError } from './configuration-error.ts';
import { formatPath, type Path } from './path.ts';
import { fillVariables, type Environment } from './variable.ts';
import { readYaml } from './yaml-error.ts';

export interface PathProblem {
  readonly path: Path;
  /** A sentence. It may quote the value at `path`, in double quotes, and nothing else of the file. */
  readonly message: string;
  /** The position of the other image, if two images conflict. */
  readonly other?: number | undefined;
}

export class ConfigurationDocument {
  readonly #document: Document;
  readonly #lines: LineCounter;
  /** Each value that had a variable, with the text that the file has in its place. */
  readonly #filled: ReadonlyMap<unknown, string>;
  readonly json: unknown;

  /**
   * @param environment the values of variables such as `${NAME}`
   * @throws {ProblemsError} for a text that is not YAML, and for each variable that is not set
   */
  constructor(text: string, environment: Environment) {
    this.#lines = new LineCounter();
    const { document, filled, json } = readYaml(text, this.#lines, (yaml) =>
      fillVariables(yaml, this.#lines, environment),
    );
    this.#document = document;
    this.#filled = filled;
    this.json = json;
  }

  /** @throws {ProblemsError} if there is a problem */
  refuse(problems: readonly PathProblem[]): void {
    if (problems.length === 0) return;
    const found = problems.map(({ path, message, other }) => ({
      line: this.lineOf(path),
      key: formatPath(path),
      message: this.#withoutSecret(path, message),
      other,
    }));
    throw new ProblemsError(found.toSorted((one, next) => (one.line ?? 0) - (next.line ?? 0)));
  }

  /** Returns the line of a key. If the key is missing, it returns the line of the nearest parent. */
  lineOf(path: Path): number | undefined {
    for (let length = path.length; length >= 0; length -= 1) {
      const offset = this.#offsetOf(path.slice(0, length));
      if (offset !== undefined) return this.#lines.linePos(offset).line;
    }
    return undefined;
  }

  /**
   * Returns a number, a boolean or another scalar that is not a text as the file writes it; undefined for anything
   * else.
   */
  writtenAt(path: Path): string | undefined {
    const node = this.#node(path);
    return isScalar(node) && typeof node.value !== 'string' ? node.source : undefined;
  }

  /** No message quotes the value of a variable, because the value may be a secret in the wrong place. */
  #withoutSecret(path: Path, message: string): string {
    const node = this.#node(path);
    const written = this.#filled.get(isAlias(node) ? node.resolve(this.#document) : node);
    return written === undefined || !message.includes('"')
      ? message
      : `the value of ${written} does not fit here. Check the variable, or write the value itself.`;
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
