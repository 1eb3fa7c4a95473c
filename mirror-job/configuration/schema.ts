/** The shape of lifeboat.yaml. What the values mean, and whether they go together, is in interpret.ts. */
import { z } from 'zod';
import { AUDIENCES } from '../../core/identity.ts';

const text = z.string().min(1, 'it must not be empty.');

const store = z.strictObject({
  endpoint: z.url({ protocol: /^https?$/, error: 'it must be an http or https address.' }).optional(),
  bucket: text,
  region: text.optional(),
  prefix: z.string().optional(),
  pathStyle: z.boolean().optional(),
  accessKeyId: text.optional(),
  secretAccessKey: text.optional(),
  audience: z.enum(AUDIENCES).optional(),
  singleWriter: z.boolean().optional(),
});

const upstream = z.strictObject({
  credentials: z
    .array(z.strictObject({ username: text, password: text }))
    .max(1, 'more than one account for an upstream is not built yet.')
    .optional(),
  insecure: z.boolean().optional(),
  ca: text.optional(),
  timeout: text.optional(),
});

const referrers = z.union([z.literal(false), z.strictObject({ every: text })], {
  error: 'it must be false, or { every: 24h }.',
});

const patterns = z.array(text);

const image = z.union(
  [
    text,
    z.strictObject({
      source: text,
      name: text.optional(),
      tags: z
        .union([patterns, z.strictObject({ include: patterns.optional(), exclude: patterns.optional() })])
        .optional(),
      digests: z.array(text).optional(),
      referrers: referrers.optional(),
      public: z.boolean().optional(),
    }),
  ],
  { error: 'it must be a reference such as docker.io/library/alpine:3.20, or an object with a source.' },
);

export const configurationSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'it must be 1 to 63 lower-case letters, digits and hyphens.')
    .optional(),
  store,
  upstreams: z.record(z.string(), upstream).optional(),
  defaults: z.strictObject({ referrers: referrers.optional() }).optional(),
  images: z.array(image).min(1, 'it lists no image.'),
});

export type ConfigurationFile = z.infer<typeof configurationSchema>;

/** Keys of the design that this version does not know yet: better an error than a promise that is not kept. */
export const NOT_BUILT_YET: ReadonlySet<string> = new Set([
  'stores',
  'budget',
  'moves',
  'platforms',
  'immutable',
  'semver',
  'suffix',
  'latest',
  'minTags',
]);
