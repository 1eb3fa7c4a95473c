/** The object that uses an image. */
import { isObject, type JsonObject } from '../../../core/json.ts';
import { at } from '../../check/parsed-file.ts';
import type { ImageUse } from '../mention.ts';

export interface ObjectOwner {
  /** Of the API: `apps`; empty for Pods, Nodes and the like. */
  readonly group: string;
  readonly use: Pick<ImageUse, 'kind' | 'namespace' | 'name'>;
  /** File and object, for problems. */
  readonly where: string;
}

/** Kubernetes allows 253 characters. */
const MAX_NAME_LENGTH = 253;

/** @returns undefined if the value is no Kubernetes object */
export function ownerOf(object: unknown, file: string): ObjectOwner | undefined {
  if (!isObject(object)) return undefined;
  const kind = textOf(object['kind']);
  if (kind === undefined) return undefined;
  const metadata = object['metadata'];
  const name = textOf(at(metadata, 'name')) ?? textOf(at(metadata, 'generateName')) ?? '';
  const namespace = textOf(at(metadata, 'namespace'));
  const label = [namespace, name].filter((part) => part !== undefined && part !== '').join('/');
  return {
    group: groupOf(object),
    use: { kind, name, ...(namespace !== undefined && { namespace }) },
    where: `${file}: ${kind}${label === '' ? '' : ` ${label}`}`,
  };
}

export function groupOf(object: JsonObject): string {
  const version = object['apiVersion'];
  return typeof version === 'string' && version.includes('/') ? version.slice(0, version.indexOf('/')) : '';
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_NAME_LENGTH) : undefined;
}
