/** The object that uses an image. */
import { isObject } from '../../../core/json.ts';
import type { ObjectName } from '../mention.ts';
import { userOf } from './object-controller.ts';
import { groupOf, nameOfObject } from './object-name.ts';

export interface ObjectOwner {
  /** The API group of the object: `apps`; empty for Pods, Nodes and the like. */
  readonly group: string;
  /** The kind of the object itself, and not of its owner. */
  readonly kind: string;
  /** Stands for the object in lists: the Deployment for its pods. */
  readonly use: ObjectName;
  /** File and object, for problems. */
  readonly where: string;
}

/** @returns undefined if the value is no Kubernetes object */
export function ownerOf(object: unknown, file: string): ObjectOwner | undefined {
  if (!isObject(object)) return undefined;
  const own = nameOfObject(object);
  if (own === undefined) return undefined;
  const label = [own.namespace, own.name].filter((part) => part !== undefined && part !== '').join('/');
  return {
    group: groupOf(object),
    kind: own.kind,
    use: userOf(object, own),
    where: `${file}: ${own.kind}${label === '' ? '' : ` ${label}`}`,
  };
}
