/** Reads one object of OpenShift, and collects its problems. */
import { isObject, type JsonObject } from '../../core/json.ts';
import { countEdits } from '../../core/spelling.ts';
import type { MirrorSetProblem } from './invalid-error.ts';
import { mirrorProblem, sourceProblem } from './location.ts';
import type { MirrorRule, MirrorSet, MirrorSourcePolicy } from './mirror-set.ts';
import { OBJECT_KINDS, type ObjectKind } from './object-kind.ts';
import type { YamlDocument, YamlPath } from './yaml-file.ts';

const OBJECT_KEYS = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];
const KIND_NAMES = OBJECT_KINDS.map(({ name }) => name);
const POLICIES: readonly MirrorSourcePolicy[] = ['AllowContactingSource', 'NeverContactSource'];

export class ObjectReader {
  readonly problems: MirrorSetProblem[] = [];
  readonly #document: YamlDocument;

  constructor(document: YamlDocument) {
    this.#document = document;
  }

  /** @returns every mirror set of the document. They can be used only if `problems` is empty afterwards */
  read(): MirrorSet[] {
    const { json } = this.#document;
    // `oc get … -o yaml` puts objects into a list, also if there is one.
    if (isObject(json) && json['kind'] === 'List') {
      const items = this.#list(json['items'], ['items']);
      return items.flatMap((item, index) => this.#object(item, ['items', index]) ?? []);
    }
    return [this.#object(json, [])].filter((set) => set !== undefined);
  }

  #object(json: unknown, path: YamlPath): MirrorSet | undefined {
    if (!isObject(json)) {
      return this.#add(path, `this is not an object. Write one of ${KIND_NAMES.join(', ')}.`);
    }
    const kind = this.#kind(json, path);
    if (kind === undefined) return undefined;
    this.#refuseUnknownKeys(json, OBJECT_KEYS, path, () => `Take it out: rules belong into "spec".`);
    const metadata = isObject(json['metadata']) ? json['metadata'] : {};
    const name = this.#text(metadata['name'], [...path, 'metadata', 'name'], 'Give the object a name.');
    const rules = this.#rules(json['spec'], kind, [...path, 'spec']);
    return name === undefined ? undefined : { kind: kind.name, name, rules };
  }

  #kind(json: JsonObject, path: YamlPath): ObjectKind | undefined {
    const name = this.#text(json['kind'], [...path, 'kind'], `Write one of ${KIND_NAMES.join(', ')}.`);
    if (name === undefined) return undefined;
    const kind = OBJECT_KINDS.find((candidate) => candidate.name === name);
    if (kind === undefined) {
      return this.#add(
        [...path, 'kind'],
        `"${name}" has no mirror rules that can be merged. Take the object out of the file, or write one of ${KIND_NAMES.join(', ')}.`,
      );
    }
    if (json['apiVersion'] !== kind.apiVersion) {
      this.#add([...path, 'apiVersion'], `the apiVersion of an ${name} is ${kind.apiVersion}. Write that.`);
    }
    return kind;
  }

  #rules(spec: unknown, kind: ObjectKind, path: YamlPath): MirrorRule[] {
    if (!isObject(spec)) {
      const found = spec === undefined || spec === null ? 'it is missing' : 'it is not a map of keys';
      this.#add(path, `${found}. Write "spec:", and below it "${kind.list}:" with the rules.`);
      return [];
    }
    this.#refuseUnknownKeys(spec, [kind.list], path, (key) => {
      const owner = OBJECT_KINDS.find(({ list }) => list === key);
      return owner === undefined
        ? `The rules of an ${kind.name} stand in "${kind.list}".`
        : `It belongs to an ${owner.name}; the rules of an ${kind.name} stand in "${kind.list}".`;
    });
    const list = this.#list(spec[kind.list], [...path, kind.list]);
    return list.flatMap((rule, index) => this.#rule(rule, kind, [...path, kind.list, index]) ?? []);
  }

  #rule(json: unknown, kind: ObjectKind, path: YamlPath): MirrorRule | undefined {
    if (!isObject(json)) return this.#add(path, 'a rule is a map with "source" and "mirrors".');
    this.#refuseUnknownKeys(json, kind.keys, path, (key) =>
      key === 'mirrorSourcePolicy'
        ? `An ${kind.name} has none: write it as an ImageDigestMirrorSet.`
        : `A rule has ${kind.keys.map((known) => `"${known}"`).join(', ')}.`,
    );
    const source = this.#location(json['source'], [...path, 'source'], sourceProblem);
    const mirrors = this.#list(json['mirrors'], [...path, 'mirrors']).flatMap(
      (mirror, index) => this.#location(mirror, [...path, 'mirrors', index], mirrorProblem) ?? [],
    );
    const policy = this.#policy(json['mirrorSourcePolicy'], [...path, 'mirrorSourcePolicy']);
    if (source === undefined) return undefined;
    const position = `${this.#document.file}:${this.#document.lineOf([...path, 'source'])}`;
    return { source, mirrors, pulls: kind.pulls, policy, position };
  }

  #location(
    value: unknown,
    path: YamlPath,
    problemOf: (text: string) => string | undefined,
  ): string | undefined {
    if (value === '') return this.#add(path, problemOf('') ?? '');
    const text = this.#text(value, path, 'Write a host, or a host and a path, as in quay.io/libpod.');
    const problem = text === undefined ? undefined : problemOf(text);
    return problem === undefined ? text : this.#add(path, problem);
  }

  #policy(value: unknown, path: YamlPath): MirrorSourcePolicy {
    const policy = POLICIES.find((known) => known === value);
    // Kubernetes drops a key whose value is null.
    if (policy === undefined && value !== undefined && value !== null) {
      this.#add(path, `this is neither ${POLICIES.join(' nor ')}. Write one of them, or leave the key out.`);
    }
    return policy ?? 'AllowContactingSource';
  }

  #text(value: unknown, path: YamlPath, advice: string): string | undefined {
    if (typeof value === 'string' && value !== '') return value;
    const written = this.#document.writtenAt(path);
    if (written !== undefined && value !== null) {
      return this.#add(path, `${written} is not a text. Put it in quotes if it is meant.`);
    }
    const isMissing = value === undefined || value === null;
    return this.#add(
      path,
      `it is ${isMissing ? 'missing' : value === '' ? 'empty' : 'not a text'}. ${advice}`,
    );
  }

  #list(value: unknown, path: YamlPath): readonly unknown[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value;
    this.#add(path, 'it is not a list. Begin each item on a line of its own, with "- ".');
    return [];
  }

  #refuseUnknownKeys(
    json: JsonObject,
    known: readonly string[],
    path: YamlPath,
    adviceFor: (key: string) => string,
  ): void {
    for (const key of Object.keys(json)) {
      if (known.includes(key)) continue;
      const meant = known.find((candidate) => countEdits(key, candidate) <= 2);
      const advice = meant === undefined ? adviceFor(key) : `Write "${meant}" if that is meant.`;
      this.#add([...path, key], `this key is not known here. ${advice}`);
    }
  }

  #add(path: YamlPath, message: string): undefined {
    const { file, number } = this.#document;
    const line = this.#document.lineOf(path);
    this.problems.push({ file, line, document: number, key: formatPath(path), message });
  }
}

/** Formats a path, such as `spec.imageDigestMirrors[0].source`. */
function formatPath(path: YamlPath): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${part}`))
    .join('');
}
