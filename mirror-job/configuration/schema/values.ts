/** The values of which the shape of lifeboat.yaml consists. */
// `zod/mini` is `zod` with functions instead of methods. It loads faster, and each run loads it.
import * as z from 'zod/mini';

// Only one file is read, and compiling the schema takes longer than checking the file.
z.config({ jitless: true });

export const text = z.string().check(z.minLength(1, 'it must not be empty.'));
export const whole = z.int({
  // This sentence is for a number that is too large to be exact. A number that is not whole has a sentence of its own.
  error: ({ code }) => (code === 'too_big' || code === 'too_small' ? 'it is too large a number.' : undefined),
});
/** The text is parsed later, because a variable may stand for it. */
export const duration = z.union([text, z.literal(0)], {
  error: 'it must be a duration, such as 30s, 5m, 24h or 7d.',
});
export const count = whole.check(z.minimum(1, 'it must be at least 1.'));
export const patterns = z.array(text);

/** A map of keys. An unknown key is refused, with the names of all keys. */
export function keys<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === 'unrecognized_keys'
        ? `there is no such key. There are: ${Object.keys(shape).join(', ')}.`
        : undefined,
  });
}

export function needed<Schema extends z.ZodMiniType>(schema: Schema, description: string): Schema {
  return schema.check(z.describe(description));
}

export function optional<Schema extends z.ZodMiniType>(schema: Schema, description: string) {
  const made = z.optional(schema);
  z.globalRegistry.add(made, { description });
  return made;
}
