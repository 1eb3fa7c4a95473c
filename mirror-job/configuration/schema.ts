/**
 * The shape of lifeboat.yaml. What the values mean, and whether they go together, is in interpret.ts. The
 * descriptions are what an editor shows: `npm run schema` writes them into lifeboat.schema.json.
 */
import * as z from 'zod';
import { AUDIENCES } from '../../core/identity.ts';

// One file is read: to compile its shape first takes longer than to check it.
z.config({ jitless: true });

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
    .optional()
    .describe('The S3 API’s address. Left out: AWS.'),
  bucket: text.describe(
    'It must exist. An empty one becomes Lifeboat’s; one that holds other things is refused.',
  ),
  region: text.optional().describe('Needed for AWS. Default: auto.'),
  prefix: z.string().optional().describe('A folder of the bucket that is Lifeboat’s alone.'),
  pathStyle: z
    .boolean()
    .optional()
    .describe(
      'https://endpoint/bucket/key instead of https://bucket.endpoint/key. Default: true with an endpoint.',
    ),
  accessKeyId: text
    .optional()
    .describe('A key that may read, list and write. Left out: the AWS SDK’s own credential chain.'),
  secretAccessKey: text
    .optional()
    .describe('The secret of accessKeyId: write a variable, as in ${S3_SECRET_ACCESS_KEY}.'),
  audience: z
    .enum(AUDIENCES)
    .optional()
    .describe('Who may read all that the bucket holds. Fixed by the first run. Default: public.'),
  singleWriter: z
    .boolean()
    .optional()
    .describe(
      'Your promise that no two runs overlap, for a store without conditional writes. Default: false.',
    ),
});

const count = z.int().min(1, 'it must be at least 1.');

/** An index and one of its manifests: with fewer, a run would get no further than the one before. */
const MIN_GETS = 3;

const upstream = keys({
  credentials: z
    .array(
      keys({
        username: text.describe('The account’s name.'),
        password: text.describe('Its password or token: write a variable, as in ${DOCKER_HUB_TOKEN}.'),
      }),
    )
    .optional()
    .describe(
      'Accounts, used in turn, sent to this upstream and to the https token realm that it names, nowhere else. Default: the logins of docker and podman on this machine; [] for none.',
    ),
  insecure: z
    .boolean()
    .optional()
    .describe('Plain HTTP: whoever is on the way decides what a tag is. Default: false.'),
  ca: text.optional().describe('A PEM file with further root certificates, relative to this file.'),
  timeout: text.optional().describe('The silence that is borne, as in 30s, which is the default.'),
  concurrency: count
    .max(256, 'it must be at most 256.')
    .optional()
    .describe(
      'The most requests that wait for an answer at once; fewer where answers are slow or refused. Default: 32.',
    ),
  budget: keys({
    keepRemaining: z
      .int()
      .min(0, 'it must not be negative.')
      .optional()
      .describe(
        'So many of the manifest GETs that the upstream says are left (Docker Hub does) stay for others.',
      ),
    manifestGetsPerRun: z
      .int()
      .min(MIN_GETS, `it must be at least ${MIN_GETS}: an image of several platforms needs more than one.`)
      .optional()
      .describe('The most manifest GETs that a run sends there. The rest is for the next run.'),
  })
    .optional()
    .describe('What a run may spend of the upstream’s rate limit.'),
});

const referrers = z.union([z.literal(false), keys({ every: text.describe('A duration: 30m, 24h, 7d.') })], {
  error: 'it must be false, or { every: 24h }.',
});

const platforms = z.union(
  [
    z.literal('all'),
    z.array(text).min(1, 'it lists no platform. Leave it out, or say all, for all of them.'),
  ],
  { error: 'it must be a list, as in [linux/amd64, linux/arm64], or all.' },
);

const patterns = z.array(text);

const moves = keys({
  policy: z
    .enum(['follow', 'hold', 'immutable'])
    .optional()
    .describe(
      'follow: tags move as upstream’s do. hold: only when they are approved. immutable: the same, and a change ends the run with exit code 1. Default: follow.',
    ),
  minAge: text
    .optional()
    .describe('How long ago a digest has to have been seen first, as in 3d, before a tag moves to it.'),
  rollback: z
    .enum(['hold', 'follow'])
    .optional()
    .describe('What becomes of a tag that upstream puts back to what it had before. Default: hold.'),
  maxMovesPerRun: count
    .optional()
    .describe('How many tags of an image that are there already may move in a run. Default: all.'),
});

const tags = keys({
  include: patterns
    .optional()
    .describe('Tags, which are asked for by name, and patterns: 1.*, or /^v\\d+$/ between slashes.'),
  semver: text.optional().describe('A range of versions, as in >=1.27.'),
  suffix: z
    .array(z.string())
    .min(1, "it lists no suffix; [''] stands for none.")
    .optional()
    .describe("What may follow a version, as in ['', '-alpine']; '' is nothing."),
  precision: z
    .array(z.literal([1, 2, 3]))
    .min(1, 'it lists no precision.')
    .optional()
    .describe('How many numbers a tag may have: [3] takes 1.27.3 and not 1.27.'),
  exclude: patterns.optional().describe('Tags and patterns that are left out.'),
  latest: count.optional().describe('Only the newest so many of each kind.'),
  minTags: count
    .optional()
    .describe(
      'So many have to be selected from the list, or none of them is looked at, and the run exits with 1.',
    ),
  immutable: patterns.optional().describe('Tags and patterns: short for moves.policy: immutable on these.'),
});

const image = z.union(
  [
    text,
    keys({
      source: text.describe(
        'As with docker pull: [host/]path[:tag], or …@digest; or oci:PATH, an OCI image layout (a folder or a tar) relative to this file.',
      ),
      name: text
        .optional()
        .describe(
          'Where it is served; needed for oci:. Its first part looks like a host: images.internal/app.',
        ),
      tags: z
        .union([patterns, tags], {
          error: "it must be a list, as in ['1.27', '1.*'], or a map, as in { semver: '>=1.27', latest: 5 }.",
        })
        .optional()
        .describe("Which tags: a list of tags and patterns (['*'] is all of them), or a map that says more."),
      digests: z.array(text).optional().describe('Manifests to mirror whatever tag they have or had.'),
      platforms: platforms
        .optional()
        .describe(
          'Of an index only the children for these, as in [linux/amd64, linux/arm64]; or all. podman and CRI-O cannot fall back for the others.',
        ),
      referrers: referrers.optional().describe('Overrides the default: { every: 24h }, or false.'),
      moves: moves.optional().describe('Overrides the default, key by key.'),
      public: z
        .boolean()
        .optional()
        .describe('It may go into a public bucket although upstream does not show it to anonymous callers.'),
    }),
  ],
  { error: 'it must be a reference such as docker.io/library/alpine:3.20, or a map with a source.' },
);

export const configurationSchema = keys({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'it must be 1 to 63 lower-case letters, digits and hyphens.')
    .optional()
    .describe('This mirror’s own state in the bucket. Default: default.'),
  store: store.optional().describe('The bucket that the job fills and the edge serves. It, or stores.'),
  stores: z
    .array(store)
    .min(1, 'it lists no store.')
    // As many as the edge takes.
    .max(9, 'it lists more than nine stores.')
    .optional()
    .describe('Several buckets, each a whole mirror, filled in one go. The first one is the primary.'),
  maxDuration: text
    .optional()
    .describe('When it is over, as in 50m, the run stops, and the next one goes on. Default: none.'),
  upstreams: z
    .record(z.string(), upstream)
    .optional()
    .describe('By host (docker.io, registry.internal:5000): only what differs from the defaults.'),
  defaults: keys({
    referrers: referrers
      .optional()
      .describe(
        'How often an unchanged image is asked for new signatures, SBOMs and attestations; or false. After its first week weekly, or this if it is longer.',
      ),
    platforms: platforms.optional().describe('Of an index only the children for these. Default: all.'),
    moves: moves.optional().describe('When a tag that upstream moves is moved here.'),
  })
    .optional()
    .describe('For every image that does not say otherwise.'),
  images: z
    .array(image)
    .min(1, 'it lists no image.')
    .describe('What is mirrored: references, or maps with a source.'),
});

export type ConfigurationFile = z.infer<typeof configurationSchema>;
export type StoreFile = NonNullable<ConfigurationFile['store']>;
export type UpstreamsFile = NonNullable<ConfigurationFile['upstreams']>;
export type ImageFile = Exclude<ConfigurationFile['images'][number], string>;
export type PlatformsFile = NonNullable<ImageFile['platforms']>;
export type MovesFile = z.infer<typeof moves>;
/** The long form of `tags`. */
export type TagsFile = Exclude<NonNullable<ImageFile['tags']>, string[]>;
