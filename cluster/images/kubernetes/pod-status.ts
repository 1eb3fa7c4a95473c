/** The digests that a pod's containers run with. */
import { isDigest, type Digest } from '../../../core/digest.ts';
import { isObject, type JsonObject } from '../../../core/json.ts';
import { at } from '../../check/parsed-file.ts';
import type { Found } from '../mention.ts';
import { imageNamed } from '../named-image.ts';
import { isLoaded } from '../stored-image.ts';
import { containerUse } from './container-images.ts';
import { valuesAt } from './nested-values.ts';
import type { ObjectOwner } from './object-owner.ts';
import { containersIn } from './pod-template.ts';

const STATUS_LISTS = ['initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses'] as const;

/**
 * A container that waits for its image has none, and neither has one whose image has no valid name: its spec gives the
 * problem.
 * @param platform of the pod's node
 */
export function* runningImages(
  pod: JsonObject,
  owner: ObjectOwner,
  platform: string | undefined,
): Generator<Found> {
  const spec = pod['spec'];
  const containers = isObject(spec) ? containersIn(spec) : [];
  const images = new Map(containers.map(({ name, image }) => [name, image]));
  const statuses = STATUS_LISTS.flatMap((key) => valuesAt(pod, `status.${key}[]`)).filter(isObject);
  for (const status of statuses) {
    const imageId = status['imageID'];
    if (typeof imageId !== 'string' || imageId === '') continue;
    // The status may have an id, or another name of the same image. The spec has the name that was asked for.
    const named = imageNamed(
      images.get(status['name']) ?? status['image'],
      containerUse(status, owner),
      owner.where,
    );
    if (named.kind === 'problem') continue;
    const digest = digestIn(imageId);
    yield {
      ...named,
      ...(digest !== undefined && { digest }),
      ...(platform !== undefined && { platform }),
      use: { ...named.use, how: 'running' },
    };
  }
}

/** @returns the name of the node that runs a pod; undefined before it is scheduled */
export function nodeOf(pod: JsonObject): string | undefined {
  const name = at(pod, 'spec', 'nodeName');
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/**
 * Reads `docker.io/library/nginx@sha256:…` and `docker-pullable://nginx@sha256:…`. A bare `sha256:…` is the id of the
 * image's configuration, and no registry knows it as a manifest. Nor does one know an image that was loaded from a file.
 */
function digestIn(imageId: string): Digest | undefined {
  const [, digest] = imageId.split('@');
  return digest !== undefined && isDigest(digest) && !isLoaded(imageId) ? digest : undefined;
}
