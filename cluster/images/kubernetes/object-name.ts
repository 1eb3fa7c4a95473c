/** Kind, namespace and name of a Kubernetes object. */
import type { JsonObject } from '../../../core/json.ts';
import { at } from '../../check/parsed-file.ts';
import type { ObjectName } from '../mention.ts';

/** Kubernetes allows 253 characters. */
const MAX_NAME_LENGTH = 253;

/** @returns undefined for a value without a kind, which is no Kubernetes object */
export function nameOfObject(object: JsonObject): ObjectName | undefined {
  const kind = textOf(object['kind']);
  if (kind === undefined) return undefined;
  const metadata = object['metadata'];
  const name = textOf(at(metadata, 'name')) ?? textOf(at(metadata, 'generateName')) ?? '';
  const namespace = textOf(at(metadata, 'namespace'));
  return { kind, name, ...(namespace !== undefined && { namespace }) };
}

/** @returns `apps`; empty for Pods, Nodes and the like */
export function groupOf(object: JsonObject): string {
  const version = object['apiVersion'];
  return typeof version === 'string' && version.includes('/') ? version.slice(0, version.indexOf('/')) : '';
}

/** @returns the text from outside, cut to the length of a name; undefined for anything else */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_NAME_LENGTH) : undefined;
}
