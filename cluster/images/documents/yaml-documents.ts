/** Reads YAML of several documents: what `helm template` and `kustomize build` print. */
import { isCollection, isNode, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import type { Problem } from '../mention.ts';
import { MAX_DOCUMENT_BYTES, type ObjectDocument } from './object-document.ts';

const MAX_TEXT_LENGTH = 64 * 1024 * 1024;
/** A line that begins with three hyphens separates documents, also where it would be in a text of several lines. */
const MARKER = /^(?:---|\.\.\.)(?=[ \t]|$)/;
/** A line with nothing on it, a comment, or a directive, which comes before a document. */
const VOID_LINE = /^(?:[ \t]*(?:#.*)?|%.*)$/;

/**
 * Yields each document that has something in it. A broken one is a problem with its line, and the others go on.
 * @param file its name, for messages
 */
export function* documentsInYaml(text: string, file: string): Generator<ObjectDocument | Problem> {
  if (text.length > MAX_TEXT_LENGTH) {
    yield tooLarge(file, MAX_TEXT_LENGTH);
    return;
  }
  for (const { text: part, line } of partsOf(text)) {
    const where = `${file}:${line}`;
    if (part.length > MAX_DOCUMENT_BYTES) yield tooLarge(where, MAX_DOCUMENT_BYTES);
    else yield* documentIn(part, file, line);
  }
}

function tooLarge(where: string, limit: number): Problem {
  return {
    kind: 'problem',
    where,
    message: `this is more YAML than ${limit / 1024 / 1024} MiB, and was left out. Give it as JSON, which is read in pieces: kubectl get … -o json.`,
    isUnread: true,
  };
}

interface Part {
  readonly text: string;
  /** Of its first line, counted from 1. */
  readonly line: number;
}

/** Splits before anything is parsed, so that a broken document does not take the others with it. */
function* partsOf(text: string): Generator<Part> {
  let part: string[] = [];
  let line = 1;
  let start = 1;
  for (const row of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    if (MARKER.test(row)) {
      if (part.length > 0) yield { text: part.join('\n'), line: start };
      part = [];
    }
    // Something may follow the hyphens on their line, and keeps its column.
    const content = row.replace(MARKER, '   ');
    if (part.length === 0) start = line;
    if (part.length > 0 || !VOID_LINE.test(content)) part.push(content);
    line += 1;
  }
  if (part.length > 0) yield { text: part.join('\n'), line: start };
}

function* documentIn(text: string, file: string, firstLine: number): Generator<ObjectDocument | Problem> {
  const lines = new LineCounter();
  // As kubectl does, a later key with the same name replaces the earlier one.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'silent',
    merge: true,
    uniqueKeys: false,
  });
  const [error] = document.errors;
  const lineOf = (offset: number): string => `${file}:${firstLine + lines.linePos(offset).line - 1}`;
  if (error !== undefined) {
    const [reason = ''] = error.message.split(/: |\n/, 1);
    yield broken(lineOf(error.pos[0]), reason);
    return;
  }
  const template = text.includes('{{') ? templateIn(document) : undefined;
  if (template !== undefined) {
    yield broken(lineOf(template), 'it has {{ }} outside of quotes');
    return;
  }
  if (isScalar(document.contents) && document.contents.value === null) return;
  let value: unknown;
  try {
    value = document.toJS();
  } catch {
    yield broken(`${file}:${firstLine}`, 'an alias has no anchor, or aliases grow without bound');
    return;
  }
  yield { kind: 'document', value, where: `${file}:${firstLine}` };
}

/**
 * Finds `image: {{ .Values.image }}`, which is valid YAML: a map whose key is a map.
 * @returns its offset
 */
function templateIn(document: Document): number | undefined {
  let offset: number | undefined;
  visit(document, {
    Pair(_, { key }) {
      if (!isCollection(key)) return undefined;
      offset = isNode(key) ? key.range?.[0] : undefined;
      return visit.BREAK;
    },
  });
  return offset;
}

function broken(where: string, reason: string): Problem {
  const hint = 'If it is a template, give what helm template or kustomize build prints.';
  return {
    kind: 'problem',
    where,
    message: `this document is not valid YAML (${reason}), and was left out. ${hint}`,
    isUnread: true,
  };
}
