/** Explains why YAML refuses a text, and what to type instead. It never quotes the file, which may hold a secret. */
import { isScalar, parseDocument, visit, type Document, type ErrorCode, type LineCounter } from 'yaml';
import { ProblemsError } from './configuration-error.ts';
import { formatPath, pathOfNodes } from './path.ts';

const SPECIAL_START =
  "a text that begins with *, &, !, @, % or ` has to be in quotes, as in '*' or '*-alpine'.";

/** A remedy for each mistake that people make. Other mistakes keep the parser's words. */
const REMEDIES: { readonly [Code in ErrorCode]?: string } = {
  BAD_ALIAS: SPECIAL_START,
  BAD_DQ_ESCAPE: 'within double quotes a backslash begins an escape. Use single quotes.',
  BAD_SCALAR_START: SPECIAL_START,
  TAG_RESOLVE_FAILED: SPECIAL_START,
  BLOCK_AS_IMPLICIT_KEY:
    'a colon and a space stand here twice, or the next line is indented too far. Put a text with a colon and a space in quotes.',
  MULTILINE_IMPLICIT_KEY:
    'a key without its colon stands here. After each key comes a colon, then a space or the end of the line; a comment begins with #.',
  MULTIPLE_DOCS: 'a second document begins here. Keep one document, without a "---" line.',
  RESOURCE_EXHAUSTION: 'it is nested too deep.',
  NON_STRING_KEY: 'a key has to be a text.',
  TAB_AS_INDENT: 'this line is indented with a tab. YAML takes spaces only.',
};

/**
 * Finds a line that begins with an invisible character, pasted from a web page or a chat. The file itself may begin
 * with a BOM.
 */
const INVISIBLE_START = /(?<=\n)[ -]*([\u00A0\u200B\u2007\u202F\u3000\uFEFF])/;

/**
 * @param fill changes values of a valid document before they are read
 * @throws {ProblemsError} for the first error, for an alias without an anchor, and for aliases that grow without bound
 */
export function readYaml<Filled>(
  text: string,
  lines: LineCounter,
  fill: (document: Document) => Filled,
): { document: Document; filled: Filled; json: unknown } {
  const refuse = (offset: number | undefined, message: string): never =>
    refuseLine(offset === undefined ? undefined : lines.linePos(offset).line, message);
  const invisible = INVISIBLE_START.exec(text);
  if (invisible !== null) {
    const code = invisible[1]?.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0') ?? '';
    const line = text.slice(0, invisible.index).split('\n').length;
    refuseLine(
      line,
      `this line begins with a character that only looks like a space, or that is invisible (U+${code}). Type the line anew.`,
    );
  }
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
    // A warning means an unknown YAML tag, and then the text after "!" was meant as text.
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) {
      if (error.code === 'DUPLICATE_KEY') refuseSecond(document, error.pos[0], lines);
      refuse(error.pos[0], REMEDIES[error.code] ?? explain(error.message, lineAt(text, error.pos[0])));
    }
    visit(document, {
      Alias(_, alias) {
        if (alias.resolve(document) === undefined) refuse(alias.range?.[0], SPECIAL_START);
      },
    });
    const filled = fill(document);
    return { document, filled, json: document.toJS() };
  } catch (error) {
    if (error instanceof ProblemsError) throw error;
    // The only other errors come from aliases of aliases of aliases, which no real configuration has.
    return refuse(undefined, 'its aliases grow without bound.');
  }
}

/**
 * Names the key, because keys are no secrets, and the line of the first one.
 * @param offset where the second one begins
 */
function refuseSecond(document: Document, offset: number, lines: LineCounter): void {
  visit(document, {
    Map(_, map, ancestors) {
      const second = map.items.find(({ key }) => isScalar(key) && key.range?.[0] === offset);
      if (!isScalar(second?.key)) return;
      const { value } = second.key;
      const first = map.items.find(({ key }) => isScalar(key) && key.value === value);
      const start = isScalar(first?.key) ? first.key.range?.[0] : undefined;
      if (start === undefined) return;
      const other = lines.linePos(start).line;
      throw new ProblemsError([
        {
          line: lines.linePos(offset).line,
          key: formatPath(pathOfNodes([...ancestors, map, second])),
          message: `this key stands in line ${other} too. Keep one of the two.`,
        },
      ]);
    },
  });
}

function refuseLine(line: number | undefined, message: string): never {
  throw new ProblemsError([{ line, key: '', message }]);
}

/** Returns the parser's sentence without its quotation, which follows a colon. */
function explain(message: string, line: string): string {
  const [, quote] = /^Missing closing (["'])quote/.exec(message) ?? [];
  if (quote !== undefined)
    return `a text that begins with ${quote}, here or above, has no ${quote} at its end.`;
  const [reason = ''] = message.split(/: |\n/, 1);
  const hint = /[{[,][^"']*\$\{/.test(line)
    ? ' Inside {} and [], a variable has to be in quotes: "${NAME}".'
    : '';
  return `this is not valid YAML: ${reason}.${hint}`;
}

function lineAt(text: string, offset: number): string {
  const end = text.indexOf('\n', offset);
  return text.slice(text.lastIndexOf('\n', offset - 1) + 1, end === -1 ? undefined : end);
}
