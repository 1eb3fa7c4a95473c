/** The shape of lifeboat.yaml. What the values mean, and whether they go together, is in interpret.ts. */
import { z } from 'zod';
import { AUDIENCES } from '../../core/identity.ts';

const text = z.string().min(1, 'it must not be empty.');

/** A map that knows its keys and, where another one stands in it, names them. */
function keys<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === 'unrecognized_keys'
        ? `there is no such key. There are: ${Object.keys(shape).join(', ')}.`
        : undefined,
  });
}

const store = keys({
  endpoint: z
    .url({ protocol: /^https?$/, error: 'it must be an address such as https://s3.example.com.' })
    .optional(),
  bucket: text,
  region: text.optional(),
  prefix: z.string().optional(),
  pathStyle: z.boolean().optional(),
  accessKeyId: text.optional(),
  secretAccessKey: text.optional(),
  audience: z.enum(AUDIENCES).optional(),
  singleWriter: z.boolean().optional(),
});

const upstream = keys({
  credentials: z.array(keys({ username: text, password: text })).optional(),
  insecure: z.boolean().optional(),
  ca: text.optional(),
  timeout: text.optional(),
});

const referrers = z.union([z.literal(false), keys({ every: text })], {
  error: 'it must be false, or { every: 24h }.',
});

const patterns = z.array(text);

const count = z.int().min(1, 'it must be at least 1.');

const tags = keys({
  include: patterns.optional(),
  semver: text.optional(),
  suffix: z.array(z.string()).min(1, "it lists no suffix; [''] stands for none.").optional(),
  precision: z
    .array(z.literal([1, 2, 3]))
    .min(1, 'it lists no precision.')
    .optional(),
  exclude: patterns.optional(),
  latest: count.optional(),
  minTags: count.optional(),
});

const image = z.union(
  [
    text,
    keys({
      source: text,
      name: text.optional(),
      tags: z
        .union([patterns, tags], {
          error: "it must be a list, as in ['1.27', '1.*'], or a map, as in { semver: '>=1.27', latest: 5 }.",
        })
        .optional(),
      digests: z.array(text).optional(),
      referrers: referrers.optional(),
      public: z.boolean().optional(),
    }),
  ],
  { error: 'it must be a reference such as docker.io/library/alpine:3.20, or a map with a source.' },
);

export const configurationSchema = keys({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'it must be 1 to 63 lower-case letters, digits and hyphens.')
    .optional(),
  store,
  upstreams: z.record(z.string(), upstream).optional(),
  defaults: keys({ referrers: referrers.optional() }).optional(),
  images: z.array(image).min(1, 'it lists no image.'),
});

export type ConfigurationFile = z.infer<typeof configurationSchema>;
export type StoreFile = ConfigurationFile['store'];
export type UpstreamsFile = NonNullable<ConfigurationFile['upstreams']>;
export type ImageFile = Exclude<ConfigurationFile['images'][number], string>;
/** The long form of `tags`. */
export type TagsFile = Exclude<NonNullable<ImageFile['tags']>, string[]>;

/** Keys of the design that this version does not know yet: better an error than a promise that is not kept. */
export const NOT_BUILT_YET: ReadonlySet<string> = new Set([
  'stores',
  'budget',
  'moves',
  'platforms',
  'immutable',
]);
