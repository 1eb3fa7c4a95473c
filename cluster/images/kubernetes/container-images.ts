/** The images of one container: its own, and those that its texts name. */
import { isObject, type JsonObject } from '../../../core/json.ts';
import { textsIn } from '../../check/parsed-file.ts';
import type { Found, ImageUse } from '../mention.ts';
import { imageNamed } from '../named-image.ts';
import { mentionsInText } from '../text-references.ts';
import type { ObjectOwner } from './object-owner.ts';

/** A container without an image gives none: a patch for a container that an operator writes has only its name. */
export function* imagesOfContainer(container: JsonObject, owner: ObjectOwner): Generator<Found> {
  const use = containerUse(container, owner);
  const image = container['image'];
  if (image !== undefined && image !== null) yield imageNamed(image, use, owner.where);
  for (const text of textsOf(container)) yield* mentionsInText(text, use);
}

export function containerUse({ name }: JsonObject, owner: ObjectOwner): ImageUse {
  return {
    ...owner.use,
    ...(typeof name === 'string' && name !== '' && { container: name.slice(0, 253) }),
    how: 'spec',
  };
}

function textsOf({ command, args, env }: JsonObject): string[] {
  const variables = Array.isArray(env)
    ? env.map((one: unknown) => (isObject(one) ? one['value'] : undefined))
    : [];
  return [...textsIn(command), ...textsIn(args), ...textsIn(variables)];
}
