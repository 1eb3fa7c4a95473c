/** Walks through JSON, also through JSON that is too deep for recursive code. */
import { isObject, type JsonObject } from '../../../core/json.ts';

export interface NestedObject {
  /** The key that it stands at. Items of a list have the key of the list. */
  readonly key: string;
  readonly value: JsonObject;
}

/** Every object within a value, the outer one before the inner ones, in the order of the text. */
export function* nestedObjects(root: unknown): Generator<NestedObject> {
  const waiting: { key: string; value: unknown }[] = [{ key: '', value: root }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { key, value } = next;
    if (Array.isArray(value)) {
      for (const item of value.toReversed()) if (isNested(item)) waiting.push({ key, value: item });
    } else if (isObject(value)) {
      yield { key, value };
      for (const [name, inner] of Object.entries(value).toReversed()) {
        if (isNested(inner)) waiting.push({ key: name, value: inner });
      }
    }
  }
}

function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/**
 * The values at a path such as `spec.tasks[].taskSpec.steps[]`, in which `[]` is every item of a list, and `[][]` every
 * item of the lists in a list.
 * @returns none where the value has another shape. It leaves out null, as Kubernetes does
 */
export function valuesAt(root: unknown, path: string): unknown[] {
  let values: unknown[] = [root];
  for (const part of path.split('.')) {
    const [key = '', ...lists] = part.split('[]');
    values = values.flatMap((value) => (isObject(value) ? [value[key]] : []));
    for (let level = 0; level < lists.length; level += 1) values = values.filter(Array.isArray).flat();
  }
  return values.filter((value) => value !== undefined && value !== null);
}
