/** Reads a file of several YAML documents, and knows the line of each key. */
import {
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseAllDocuments,
  visit,
  type Document,
  type ErrorCode,
} from 'yaml';
import { MirrorSetInvalidError, type MirrorSetProblem } from './invalid-error.ts';

/** Keys, and positions in lists. */
export type YamlPath = readonly (string | number)[];

const SPECIAL_START =
  "a text that begins with *, &, !, @, % or ` has to be in quotes, as in '*.example.com'.";

/** A remedy for each mistake that people make in these files. Other mistakes keep the parser's words. */
const REMEDIES: { readonly [Code in ErrorCode]?: string } = {
  BAD_ALIAS: SPECIAL_START,
  BAD_SCALAR_START: SPECIAL_START,
  TAG_RESOLVE_FAILED: SPECIAL_START,
  BLOCK_AS_IMPLICIT_KEY:
    'a colon and a space stand here twice, or the next line is indented too far. Put a text with a colon and a space in quotes.',
  DUPLICATE_KEY: 'this key appears twice. Keep one of the two, or begin a new document with "---".',
  MULTILINE_IMPLICIT_KEY: 'a key without its colon stands here. After each key comes a colon.',
  RESOURCE_EXHAUSTION: 'it is nested too deep.',
  TAB_AS_INDENT: 'this line is indented with a tab. YAML takes spaces only.',
};

export class YamlDocument {
  readonly file: string;
  /** Its place in the file, counted from 1; undefined if it is the only one. */
  readonly number: number | undefined;
  readonly json: unknown;
  readonly #document: Document;
  readonly #lines: LineCounter;

  /** @throws {MirrorSetInvalidError} for aliases that grow without bound */
  constructor(file: string, number: number | undefined, document: Document, lines: LineCounter) {
    this.file = file;
    this.number = number;
    this.#document = document;
    this.#lines = lines;
    try {
      this.json = document.toJS();
    } catch {
      // Aliases without an anchor are refused before, so the only errors left come from aliases of aliases.
      throw new MirrorSetInvalidError([
        {
          file,
          line: this.lineOf([]),
          document: number,
          key: '',
          message: 'its aliases grow without bound.',
        },
      ]);
    }
  }

  /** Returns the line of a key or of an item. If it is missing, or comes from an anchor, it returns the line of the nearest parent. */
  lineOf(path: YamlPath): number {
    for (let length = path.length; length > 0; length -= 1) {
      const offset = this.#offsetOf(path.slice(0, length));
      if (offset !== undefined) return this.#lines.linePos(offset).line;
    }
    return this.#lines.linePos(this.#document.contents?.range?.[0] ?? 0).line;
  }

  /** Returns a scalar that is not a text as the file writes it; undefined for anything else. */
  writtenAt(path: YamlPath): string | undefined {
    const node = this.#node(path);
    return isScalar(node) && typeof node.value !== 'string' ? node.source : undefined;
  }

  #offsetOf(path: YamlPath): number | undefined {
    const parent = this.#node(path.slice(0, -1));
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
      return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
    }
    const node = this.#node(path);
    return isNode(node) ? node.range?.[0] : undefined;
  }

  #node(path: YamlPath): unknown {
    return path.length === 0 ? this.#document.contents : this.#document.getIn(path, true);
  }
}

/**
 * Reads all documents that have something in them.
 * @throws {MirrorSetInvalidError} for a text that is not YAML. It has the first mistake of each document
 */
export function readYamlFile(file: string, text: string): YamlDocument[] {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const documents = 'empty' in parsed ? [] : parsed;
  const numberOf = (index: number) => (documents.length > 1 ? index + 1 : undefined);
  const problems = documents.flatMap((document, index) => {
    const problem = problemOf(document, file, lines);
    return problem === undefined ? [] : [{ ...problem, document: numberOf(index) }];
  });
  if (problems.length > 0) throw new MirrorSetInvalidError(problems);
  return documents
    .map((document, index) => ({ document, number: numberOf(index) }))
    .filter(({ document: { contents } }) => !(isScalar(contents) && contents.value === null))
    .map(({ document, number }) => new YamlDocument(file, number, document, lines));
}

function problemOf(document: Document, file: string, lines: LineCounter): MirrorSetProblem | undefined {
  const problem = (offset: number, message: string): MirrorSetProblem => ({
    file,
    line: lines.linePos(offset).line,
    key: '',
    message,
  });
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) {
    // The parser's sentence goes on with a quotation of the file, which says nothing more than the line.
    const [reason = ''] = error.message.split(/: |\n/, 1);
    return problem(error.pos[0], REMEDIES[error.code] ?? `this is not valid YAML: ${reason}.`);
  }
  let unknownAlias: MirrorSetProblem | undefined;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return undefined;
      unknownAlias = problem(alias.range?.[0] ?? 0, SPECIAL_START);
      return visit.BREAK;
    },
  });
  return unknownAlias;
}
