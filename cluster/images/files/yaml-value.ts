/** Reads YAML as values that know their lines. Aliases and merged maps are followed only as far as somebody looks. */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
  type Alias,
  type Document,
  type Node,
  type Pair,
} from 'yaml';
import type { Problem } from '../mention.ts';
import type { ImageFile } from './image-file.ts';

/** The tables that all values of one file share. */
interface YamlFile {
  readonly lines: LineCounter;
  readonly targets: ReadonlyMap<Alias, Node>;
  readonly entries: Map<Node, ReadonlyMap<string, YamlValue>>;
}

export class YamlValue {
  /** Of the key, the item or the text, counted from 1. */
  readonly line: number;
  readonly #node: Node | undefined;
  readonly #file: YamlFile;

  constructor(node: unknown, offset: number | undefined, file: YamlFile) {
    this.#file = file;
    this.#node = targetOf(node, file);
    this.line = file.lines.linePos(offset ?? this.#node?.range?.[0] ?? 0).line || 1;
  }

  /** The text of a scalar as the file writes it, because 3.20 is not 3.2; undefined for null and for anything else. */
  get text(): string | undefined {
    if (!isScalar(this.#node) || this.#node.value === null) return undefined;
    const { value, source } = this.#node;
    return typeof value === 'string' ? value : source;
  }

  /** `!reference`, for example; undefined for a value that has none. */
  get tag(): string | undefined {
    return this.#node?.tag;
  }

  get isMap(): boolean {
    return isMap(this.#node);
  }

  get isList(): boolean {
    return isSeq(this.#node);
  }

  /** The items of a list; none of anything else. */
  get items(): YamlValue[] {
    if (!isSeq(this.#node)) return [];
    return this.#node.items.map((item) => new YamlValue(item, offsetOf(item), this.#file));
  }

  /** The items of a list whose lists are opened, as GitLab opens them. Each list counts once. */
  flattened(follow: (value: YamlValue) => YamlValue, seen = new Set<unknown>([this.#node])): YamlValue[] {
    return this.items.flatMap((item) => {
      const value = follow(item);
      if (!value.isList) return [value];
      if (seen.has(value.#node) || seen.size > MAX_LISTS) return [];
      seen.add(value.#node);
      return value.flattened(follow, seen);
    });
  }

  /** The entries of a map, with those that "<<" merges into it; none of anything else. */
  get entries(): ReadonlyMap<string, YamlValue> {
    return this.#node === undefined ? new Map() : entriesOf(this.#node, this.#file);
  }

  get(key: string): YamlValue | undefined {
    return this.entries.get(key);
  }

  /** Goes down several keys. */
  at(...keys: readonly string[]): YamlValue | undefined {
    return keys.reduce<YamlValue | undefined>((value, key) => value?.get(key), this);
  }
}

/** No file has more lists within one. */
const MAX_LISTS = 1000;

/** Returns the documents that have something in them. A text that is no YAML has none, and a problem. */
export function readYaml(text: string, file: ImageFile): { documents: YamlValue[]; problems: Problem[] } {
  const lines = new LineCounter();
  // A key that appears twice is no error here, because GitLab takes the last one.
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const documents = 'empty' in parsed ? [] : parsed;
  const error = documents.flatMap(({ errors }) => errors).at(0);
  if (error !== undefined) {
    // The parser's sentence is used without its quotation of the file, which may be a secret.
    const [reason = ''] = error.message.split(/: |\n/, 1);
    const line = lines.linePos(error.pos[0]).line || 1;
    const problem = file.problem(
      line,
      `No image was read, because this is not valid YAML: ${reason}. Mend it.`,
    );
    return { documents: [], problems: [{ ...problem, isUnread: true }] };
  }
  const values = documents.map((document) => {
    const shared = {
      lines,
      targets: targetsIn(document),
      entries: new Map<Node, ReadonlyMap<string, YamlValue>>(),
    };
    return new YamlValue(document.contents, undefined, shared);
  });
  return { documents: values, problems: [] };
}

/** An alias means the nearest anchor before it. */
function targetsIn(document: Document): Map<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Alias(_, alias) {
      const target = anchors.get(alias.source);
      if (target !== undefined) targets.set(alias, target);
    },
    Value(_, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

function targetOf(node: unknown, { targets }: YamlFile): Node | undefined {
  if (isAlias(node)) return targets.get(node);
  return isMap(node) || isSeq(node) || isScalar(node) ? node : undefined;
}

function offsetOf(node: unknown): number | undefined {
  return isAlias(node) || isMap(node) || isSeq(node) || isScalar(node) ? node.range?.[0] : undefined;
}

function entriesOf(node: Node, file: YamlFile): ReadonlyMap<string, YamlValue> {
  const known = file.entries.get(node);
  if (known !== undefined) return known;
  const entries = new Map<string, YamlValue>();
  // It is kept before it is full, so that a map that merges itself comes to an end.
  file.entries.set(node, entries);
  if (!isMap(node)) return entries;
  const merged = new Map<string, YamlValue>();
  for (const pair of node.items) {
    if (!isScalar(pair.key)) continue;
    if (pair.key.value === '<<') mergeInto(merged, pair, file);
    else
      entries.set(
        String(pair.key.source ?? pair.key.value),
        new YamlValue(pair.value, offsetOf(pair.key), file),
      );
  }
  for (const [key, value] of merged) if (!entries.has(key)) entries.set(key, value);
  return entries;
}

/** Of several maps, the first that has a key wins. */
function mergeInto(merged: Map<string, YamlValue>, { value }: Pair, file: YamlFile): void {
  const source = targetOf(value, file);
  const maps = isSeq(source) ? source.items.map((item) => targetOf(item, file)) : [source];
  for (const map of maps) {
    if (map === undefined) continue;
    for (const [key, entry] of entriesOf(map, file)) if (!merged.has(key)) merged.set(key, entry);
  }
}
