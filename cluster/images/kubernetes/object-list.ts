/** Lists of objects: `List` of kubectl, and `PodList` and the like of the API. */
import { isObject, type JsonObject } from '../../../core/json.ts';

export interface ObjectList {
  readonly list: JsonObject;
  readonly items: readonly unknown[];
}

/** @returns undefined if the value is no list of objects */
export function objectListIn(value: unknown): ObjectList | undefined {
  if (!isObject(value)) return undefined;
  const { kind, items } = value;
  const isList =
    Array.isArray(items) && (kind === undefined || (typeof kind === 'string' && kind.endsWith('List')));
  return isList ? { list: value, items } : undefined;
}

/**
 * Gives an item the kind that it has by its list. The API leaves out what the list already says: a PodList has items
 * without a kind.
 */
export function itemOf(list: JsonObject, item: unknown): unknown {
  const { kind, apiVersion } = list;
  if (!isObject(item) || 'kind' in item || typeof kind !== 'string') return item;
  const itemKind = kind.replace(/List$/, '');
  return itemKind === '' || itemKind === kind ? item : { apiVersion, ...item, kind: itemKind };
}
