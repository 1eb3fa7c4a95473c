/** Finds the images that one Kubernetes object names. */
import { isObject, type JsonObject } from '../../../core/json.ts';
import { textsIn } from '../../check/parsed-file.ts';
import type { Found, FoundInObjects } from '../mention.ts';
import { imageNamed } from '../named-image.ts';
import { mentionsInText } from '../text-references.ts';
import { imagesOfContainer } from './container-images.ts';
import { customKind, type CustomKind } from './custom-kinds.ts';
import { nestedObjects, valuesAt } from './nested-values.ts';
import { storedImages } from './node-images.ts';
import { itemOf, objectListIn } from './object-list.ts';
import { controlsIn } from './object-controller.ts';
import { groupOf } from './object-name.ts';
import { ownerOf, type ObjectOwner } from './object-owner.ts';
import { nodeOf, runningImages } from './pod-status.ts';
import { containersIn, volumeImages } from './pod-template.ts';

export interface ObjectOptions {
  /** `linux/arm64` by the name of a node, from `nodePlatform`. A pod alone does not tell it. */
  readonly platformOfNode?: (name: string) => string | undefined;
}

/**
 * Finds the images of an object, or of each object in a list, in the order of the text. Whatever the value is, it throws
 * nothing. Images without a valid name become problems.
 * @param object a JSON value from outside
 * @param file for problems: a file, or the place of the object in it, as documents have it
 */
export function* imagesInObject(
  object: unknown,
  file: string,
  options: ObjectOptions = {},
): Generator<FoundInObjects> {
  const listed = objectListIn(object);
  if (listed === undefined) {
    yield* imagesInSingle(object, file, file, options);
    return;
  }
  for (const [index, item] of listed.items.entries()) {
    yield* imagesInSingle(itemOf(listed.list, item), file, `${file}: items[${index}]`, options);
  }
}

/** @param position of the value, for a value that is no object and so has no name */
function* imagesInSingle(
  object: unknown,
  file: string,
  position: string,
  options: ObjectOptions,
): Generator<FoundInObjects> {
  const owner = ownerOf(object, file);
  if (!isObject(object) || owner === undefined || objectListIn(object) !== undefined) {
    yield {
      kind: 'problem',
      where: position,
      message: 'this is no Kubernetes object with a kind, and was left out.',
      isUnread: true,
    };
    return;
  }
  yield* controlsIn(object);
  yield* askedImages(object, owner);
  const kind = owner.group === '' ? owner.kind : '';
  if (kind === 'Node') yield* storedImages(object, owner);
  if (kind === 'ConfigMap') {
    const data = object['data'];
    const texts = textsIn(isObject(data) ? Object.values(data) : []);
    for (const text of texts) yield* mentionsInText(text, { ...owner.use, how: 'text' });
  }
  if (kind === 'Pod') {
    const node = nodeOf(object);
    yield* runningImages(object, owner, node === undefined ? undefined : options.platformOfNode?.(node));
  }
}

/**
 * The images that any part of an object asks for. Objects in it count as parts of it. Its status tells the past, and its
 * metadata repeats it.
 */
function* askedImages(object: JsonObject, owner: ObjectOwner): Generator<Found> {
  const { metadata: _metadata, status, ...asked } = object;
  const seen = new Set<JsonObject>();
  for (const { value } of nestedObjects(asked)) {
    // The outermost object keeps its status, because Flux writes there what it has fetched.
    const custom = customKindOf(value);
    const whole = value === asked && custom !== undefined ? { ...value, status } : value;
    for (const image of (custom?.images ?? []).flatMap((path) => valuesAt(value, path))) {
      yield imageNamed(image, { ...owner.use, how: 'spec' }, owner.where);
    }
    yield* custom?.find?.(whole, owner) ?? [];
    const ofPod = containersIn(value);
    // A row of the table may name containers that also have a pod's shape.
    for (const container of [...customContainers(custom, value), ...ofPod]) {
      if (!seen.has(container)) yield* imagesOfContainer(container, owner);
      seen.add(container);
    }
    if (ofPod.length > 0) yield* volumeImages(value, owner);
  }
}

function customKindOf(object: JsonObject): CustomKind | undefined {
  const { kind } = object;
  return typeof kind === 'string' ? customKind(groupOf(object), kind) : undefined;
}

function customContainers(custom: CustomKind | undefined, object: JsonObject): JsonObject[] {
  return (custom?.containers ?? []).flatMap((path) => valuesAt(object, path)).filter(isObject);
}
