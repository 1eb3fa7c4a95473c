/** Advises on an unknown key: which key was meant, or where the key belongs. */
import * as z from 'zod/mini';
import { countEdits } from '../../core/spelling.ts';
import type { Path } from './path.ts';

/**
 * A key of the schema, and its parents. A parent is a key such as `images`, `[]` for a list, or `*` for a key that
 * people choose.
 */
interface SchemaKey {
  readonly parents: readonly string[];
  readonly key: string;
}

/** The words of other tools, each with our word for it. */
const OTHER_WORDS = new Map([
  ['allow', 'include'],
  ['deny', 'exclude'],
  ['from', 'source'],
  ['image', 'source'],
  ['pass', 'password'],
  ['registries', 'upstreams'],
  ['repo', 'source'],
  ['repository', 'source'],
  ['url', 'endpoint'],
  ['user', 'username'],
]);

/**
 * @param level the path of the object that has the key
 * @returns a sentence without any value; undefined if no key of the schema is near
 */
export function adviseOnKey(schema: z.core.$ZodType, level: Path, key: string): string | undefined {
  if (key === '<<') {
    return 'keys are not merged here. An anchor stands for one value, as in tags: &both [a, b] and tags: *both; what holds for all images goes under defaults.';
  }
  const keys = keysIn(schema);
  const here = keys.filter(({ parents }) => isLevel(parents, level));
  const synonym = OTHER_WORDS.get(simplify(key));
  const meant =
    nearest(key, here) ?? (synonym === undefined ? undefined : here.find((one) => one.key === synonym));
  const elsewhere = belowFirst(
    keys.filter((one) => one.key === key),
    level,
  );
  if (elsewhere.length > 0 && (meant === undefined || simplify(meant.key) !== simplify(key))) {
    return `this key belongs elsewhere: ${elsewhere.map((one) => format(one)).join(' or ')}.`;
  }
  if (meant !== undefined) return `there is no such key. Is ${meant.key} meant?`;
  const far = nearest(key, belowFirst(keys, level));
  return far === undefined ? undefined : `there is no such key. Is ${format(far)} meant?`;
}

function keysIn(schema: z.core.$ZodType, parents: readonly string[] = []): SchemaKey[] {
  if (schema instanceof z.ZodMiniObject) {
    return Object.entries<z.core.$ZodType>(schema.shape).flatMap(([key, value]) =>
      [{ parents, key }].concat(keysIn(value, [...parents, key])),
    );
  }
  if (schema instanceof z.ZodMiniOptional) return keysIn(schema.def.innerType, parents);
  if (schema instanceof z.ZodMiniUnion) {
    return schema.def.options.flatMap((option) => keysIn(option, parents));
  }
  if (schema instanceof z.ZodMiniArray) return keysIn(schema.def.element, [...parents, '[]']);
  return schema instanceof z.ZodMiniRecord ? keysIn(schema.def.valueType, [...parents, '*']) : [];
}

function isLevel(parents: readonly string[], level: Path): boolean {
  return parents.length === level.length && isBelow(parents, level);
}

function isBelow(parents: readonly string[], level: Path): boolean {
  return level.every((part, index) => {
    const parent = parents[index];
    return typeof part === 'number' ? parent === '[]' : parent === '*' || parent === part;
  });
}

/** Prefers keys of the same entry, because most misplaced keys are one level too high. */
function belowFirst(keys: readonly SchemaKey[], level: Path): readonly SchemaKey[] {
  const below = keys.filter(({ parents }) => isBelow(parents, level));
  return below.length === 0 ? keys : below;
}

function nearest(typed: string, keys: readonly SchemaKey[]): SchemaKey | undefined {
  const near = keys
    .map((candidate) => ({ candidate, edits: countEdits(simplify(typed), simplify(candidate.key)) }))
    // Short words are near each other by chance.
    .filter(({ candidate, edits }) => edits <= (candidate.key.length < 7 ? 1 : 2) && edits < typed.length)
    .toSorted((one, other) => one.edits - other.edits);
  return near[0]?.candidate;
}

/** Makes keys comparable, because `min_age` and `MINAGE` mean `minAge`. */
function simplify(key: string): string {
  return key.toLowerCase().replaceAll(/[-_\s]/g, '');
}

/** Formats a key, such as `images[].tags` or `upstreams.HOST.ca`. */
function format({ parents, key }: SchemaKey): string {
  return [...parents, key].join('.').replaceAll('.[]', '[]').replaceAll('*', 'HOST');
}
