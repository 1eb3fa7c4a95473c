/** The images that a node has stored, and its platform. */
import { isObject, type JsonObject } from '../../../core/json.ts';
import { at, textsIn } from '../../check/parsed-file.ts';
import type { Mention } from '../mention.ts';
import { namesOfStoredImage } from '../stored-image.ts';
import { valuesAt } from './nested-values.ts';
import { groupOf } from './object-name.ts';
import type { ObjectOwner } from './object-owner.ts';

export function* storedImages(node: JsonObject, owner: ObjectOwner): Generator<Mention> {
  const platform = nodePlatform(node);
  for (const image of valuesAt(node, 'status.images[]')) {
    for (const name of namesOfStoredImage(textsIn(at(image, 'names')))) {
      yield {
        kind: 'mention',
        ...name,
        ...(platform !== undefined && { platform }),
        use: { ...owner.use, how: 'running' },
      };
    }
  }
}

/**
 * @param object any value
 * @returns `linux/arm64`, without a variant, because a Node has none; undefined if the value is no Node or does not say it
 */
export function nodePlatform(object: unknown): string | undefined {
  if (!isObject(object) || object['kind'] !== 'Node' || groupOf(object) !== '') return undefined;
  const system = at(object, 'status', 'nodeInfo', 'operatingSystem');
  const architecture = at(object, 'status', 'nodeInfo', 'architecture');
  return isName(system) && isName(architecture) ? `${system}/${architecture}` : undefined;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z0-9]{1,32}$/.test(value);
}
