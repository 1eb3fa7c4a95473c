/** Reads another tool's configuration: its values, and the line of each. */
import { LineCounter, isAlias, isMap, isNode, isScalar, parseDocument, type Document } from 'yaml';
import { isObject, type JsonObject } from '../../core/json.ts';
import { formatPath, type Path } from '../configuration/path.ts';

/** The file cannot be read at all. The message is a sentence that begins with the file's name. */
export class ForeignFileError extends Error {
  override readonly name = 'ForeignFileError';
}

export class ForeignFile {
  readonly name: string;
  readonly json: JsonObject;
  readonly #document: Document;
  readonly #lines = new LineCounter();

  /** @throws {ForeignFileError} for a text that is not YAML, or not a map */
  constructor(name: string, text: string) {
    this.name = name;
    // These tools read YAML 1.1, whose "<<" merges the map of an anchor.
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, merge: true });
    const [error] = this.#document.errors;
    if (error !== undefined) {
      // The parser's sentence is used without its quotation, which may be a secret.
      const [reason = ''] = error.message.split(/: |\n/, 1);
      throw new ForeignFileError(
        `${name}:${this.#lines.linePos(error.pos[0]).line}: this is not valid YAML: ${reason}.`,
      );
    }
    const json: unknown = this.#toJson();
    if (!isObject(json)) throw new ForeignFileError(`${name}: it is not a map of keys.`);
    this.json = json;
  }

  /**
   * Returns the line of a value, counted from 1. For a value that was merged from elsewhere, it returns the line of the
   * nearest parent.
   */
  lineOf(path: Path): number | undefined {
    for (let length = path.length; length >= 0; length -= 1) {
      const offset = this.#offsetOf(path.slice(0, length));
      if (offset !== undefined) return this.#lines.linePos(offset).line;
    }
    return undefined;
  }

  /**
   * Returns a text. For a number or a boolean it returns the text in the file, because 3.20 is not 3.2. Anything else
   * is undefined.
   */
  textAt(path: Path, value: unknown): string | undefined {
    if (typeof value !== 'number' && typeof value !== 'boolean') return textOf(value);
    const node = this.#node(path);
    const scalar = isAlias(node) ? node.resolve(this.#document) : node;
    // A merged value has no node of its own.
    return isScalar(scalar) && scalar.source !== undefined ? scalar.source : String(value);
  }

  /** Formats a position, such as `regsync.yml:12: sync[1].backup`. */
  positionOf(path: Path): string {
    const line = this.lineOf(path);
    return `${this.name}${line === undefined ? '' : `:${line}`}: ${formatPath(path)}`;
  }

  #toJson(): unknown {
    try {
      return this.#document.toJS();
    } catch {
      throw new ForeignFileError(`${this.name}: its aliases lead nowhere, or grow without bound.`);
    }
  }

  #offsetOf(path: Path): number | undefined {
    const parent = path.length === 0 ? undefined : this.#node(path.slice(0, -1));
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
      return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
    }
    const node = this.#node(path);
    return isNode(node) ? node.range?.[0] : undefined;
  }

  #node(path: Path): unknown {
    return path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
  }
}

/** Returns the entries of a map; none for any other value. */
export function entriesOf(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
