/** Finds the containers of a pod by its shape, so that no list of kinds is needed: Deployments, Rollouts, any other kind. */
import { isObject, type JsonObject } from '../../../core/json.ts';
import type { Found } from '../mention.ts';
import { imageNamed } from '../named-image.ts';
import { containerUse } from './container-images.ts';
import { valuesAt } from './nested-values.ts';
import type { ObjectOwner } from './object-owner.ts';

const CONTAINER_LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** @returns the containers of a pod's spec; none for any other object */
export function containersIn(object: JsonObject): JsonObject[] {
  if (!CONTAINER_LISTS.some((key) => Array.isArray(object[key]))) return [];
  const containers = CONTAINER_LISTS.flatMap((key) => valuesAt(object, `${key}[]`)).filter(isObject);
  return containers.some(isContainer) ? containers.filter(({ name }) => typeof name === 'string') : [];
}

/** A number is a mistake in YAML (`image: 1.27`), which is worth a problem. A map belongs to another format. */
function isContainer({ name, image }: JsonObject): boolean {
  return typeof name === 'string' && (typeof image === 'string' || typeof image === 'number');
}

/** Images that a pod mounts as volumes. */
export function* volumeImages(spec: JsonObject, owner: ObjectOwner): Generator<Found> {
  for (const volume of valuesAt(spec, 'volumes[]').filter(isObject)) {
    const [reference] = valuesAt(volume, 'image.reference');
    if (reference !== undefined) yield imageNamed(reference, containerUse(volume, owner), owner.where);
  }
}
