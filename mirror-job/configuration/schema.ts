/**
 * The shape of lifeboat.yaml. interpret.ts checks what the values mean, and whether they go together. Editors show the
 * descriptions, which `npm run schema` writes into lifeboat.schema.json.
 */
// `zod/mini` is `zod` with functions instead of methods. It loads faster, and each run loads it.
import * as z from 'zod/mini';
import { AUDIENCES } from '../../core/identity.ts';
import { NOTIFY_EVENTS, NOTIFY_FORMATS } from './configuration.ts';

// Only one file is read, and compiling the schema takes longer than checking the file.
z.config({ jitless: true });

const text = z.string().check(z.minLength(1, 'it must not be empty.'));
const whole = z.int({
  // This sentence is for a number that is too large to be exact. A number that is not whole has a sentence of its own.
  error: ({ code }) => (code === 'too_big' || code === 'too_small' ? 'it is too large a number.' : undefined),
});
/** The text is parsed later, because a variable may stand for it. */
const duration = z.union([text, z.literal(0)], {
  error: 'it must be a duration, such as 30s, 5m, 24h or 7d.',
});
const count = whole.check(z.minimum(1, 'it must be at least 1.'));
const patterns = z.array(text);

/** A map of keys. An unknown key is refused, with the names of all keys. */
function keys<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === 'unrecognized_keys'
        ? `there is no such key. There are: ${Object.keys(shape).join(', ')}.`
        : undefined,
  });
}

function needed<Schema extends z.ZodMiniType>(schema: Schema, description: string): Schema {
  return schema.check(z.describe(description));
}

function optional<Schema extends z.ZodMiniType>(schema: Schema, description: string) {
  const made = z.optional(schema);
  z.globalRegistry.add(made, { description });
  return made;
}

const store = keys({
  endpoint: optional(
    z.url({ protocol: /^https?$/, error: 'it must be an address such as https://s3.example.com.' }),
    'The S3 API’s address. Left out: AWS.',
  ),
  bucket: needed(
    text,
    'The bucket must exist. An empty bucket becomes Lifeboat’s; a bucket that holds other things is refused.',
  ),
  region: optional(text, 'Needed for AWS. Default: auto.'),
  prefix: optional(z.string(), 'A folder of the bucket that is Lifeboat’s alone.'),
  pathStyle: optional(
    z.boolean(),
    'https://endpoint/bucket/key instead of https://bucket.endpoint/key. Default: true with an endpoint.',
  ),
  accessKeyId: optional(
    text,
    'A key that may read, list and write. Left out: the AWS SDK’s own credential chain.',
  ),
  secretAccessKey: optional(
    text,
    'The secret of accessKeyId: write a variable, as in ${S3_SECRET_ACCESS_KEY}.',
  ),
  audience: optional(
    z.enum(AUDIENCES),
    'Who may read everything in the bucket. The first run fixes it. Default: public.',
  ),
  singleWriter: optional(
    z.boolean(),
    'Your promise that no two runs overlap, for a store without conditional writes. Default: false.',
  ),
});

/** The number is enough for an index and one of its manifests. With a smaller one, no run would get further than the last. */
const MIN_GETS = 3;

const upstream = keys({
  credentials: optional(
    z.array(
      keys({
        username: needed(text, 'The account’s name.'),
        password: needed(text, 'Its password or token: write a variable, as in ${DOCKER_HUB_TOKEN}.'),
      }),
    ),
    'Accounts, used in turn, sent to this upstream and to the https token realm that it names, nowhere else. Default: the logins of docker and podman on this machine; [] for none.',
  ),
  insecure: optional(
    z.boolean(),
    'Plain HTTP: anybody on the network path decides what a tag is. Default: false.',
  ),
  ca: optional(text, 'A PEM file with further root certificates, relative to this file.'),
  timeout: optional(duration, 'How long the upstream may be silent, as in 30s, which is the default.'),
  concurrency: optional(
    count.check(z.maximum(256, 'it must be at most 256.')),
    'The most requests that wait for an answer at once; fewer if the upstream is slow or refuses requests. Default: 32.',
  ),
  budget: optional(
    keys({
      keepRemaining: optional(
        whole.check(z.minimum(0, 'it must not be negative.')),
        'How many of the manifest GETs that the upstream says are left (Docker Hub does) a run leaves for others.',
      ),
      manifestGetsPerRun: optional(
        whole.check(
          z.minimum(
            MIN_GETS,
            `it must be at least ${MIN_GETS}: an image of several platforms needs more than one.`,
          ),
        ),
        'The most manifest GETs that a run sends to this upstream. The rest is for the next run.',
      ),
    }),
    'What a run may spend of the upstream’s rate limit.',
  ),
});

const referrers = z.union(
  [z.literal(false), keys({ every: needed(duration, 'A duration: 30m, 24h, 7d.') })],
  {
    error: 'it must be false, or { every: 24h }.',
  },
);

const platforms = z.union(
  [
    z.literal('all'),
    z
      .array(text)
      .check(z.minLength(1, 'it lists no platform. Leave the key out, or say all, to mirror all platforms.')),
  ],
  { error: 'it must be a list, as in [linux/amd64, linux/arm64], or all.' },
);

const moves = keys({
  policy: optional(
    z.enum(['follow', 'hold', 'immutable']),
    'follow: tags move as upstream’s do. hold: tags move only when they are approved. immutable: the same as hold, and a change ends the run with exit code 1. Default: follow.',
  ),
  minAge: optional(
    duration,
    'How long ago a run must have seen a digest for the first time, as in 3d, before a tag moves to the digest.',
  ),
  rollback: optional(
    z.enum(['hold', 'follow']),
    'What happens when upstream moves a tag back to a digest that the tag had before. Default: hold.',
  ),
  maxMovesPerRun: optional(
    count,
    'How many tags of an image that the bucket already has may move per run. Default: all.',
  ),
});

const tags = keys({
  include: optional(
    patterns,
    'Tags, which are asked for by name, and patterns: 1.*, or /^v\\d+$/ between slashes.',
  ),
  semver: optional(text, 'A range of versions, as in >=1.27.'),
  suffix: optional(
    z.array(z.string()).check(z.minLength(1, "it lists no suffix; [''] stands for no suffix.")),
    "What may follow a version, as in ['', '-alpine']; '' is nothing.",
  ),
  precision: optional(
    z.array(z.literal([1, 2, 3])).check(z.minLength(1, 'it lists no precision.')),
    'How many numbers a tag may have: [3] takes 1.27.3 and not 1.27.',
  ),
  exclude: optional(patterns, 'Tags and patterns that are left out.'),
  latest: optional(count, 'How many of the newest tags of each kind are selected.'),
  minTags: optional(
    count,
    'The smallest number of tags to be selected from the list. If fewer are, none of them is looked at, and the run exits with 1.',
  ),
  immutable: optional(
    patterns,
    'Tags and patterns of tags that are immutable: short for moves.policy: immutable on these.',
  ),
});

const inUse = keys({
  clusters: needed(
    patterns,
    "Names of clusters, and patterns of them: ['prod-*'], or ['*'] for all that have a list in the bucket.",
  ),
  upstreams: needed(
    z.array(text).check(z.minLength(1, 'it lists no host.')),
    'The hosts whose images are mirrored, as in [docker.io, quay.io]. Nothing else is asked, whatever a list says.',
  ),
  include: optional(
    patterns,
    'Patterns of repositories with their host: docker.io/library/* (one part), quay.io/prometheus/** (any number). Default: all.',
  ),
  exclude: optional(patterns, 'Patterns of repositories that are left out.'),
  keep: optional(
    duration,
    'How long an image is mirrored after a cluster has used it last, as in 30d, which is the default; at most 180d.',
  ),
  maxAge: optional(
    duration,
    'A list that is older is a finding, and nothing is taken away because of it. Default: 24h.',
  ),
});

const retentionKeys = {
  history: optional(count, 'How many digests of each tag stay, the current one included. Default: 10.'),
  days: optional(
    count.check(z.maximum(3650, 'it must be at most 3650.')),
    'A tag, a digest or a pin stays at least for so many days after it was needed last. Default: 90.',
  ),
  keep: optional(patterns, "Tags that stay whatever happens: names and patterns, as in ['lts-*']."),
};

const imageRetention = z.union([z.literal(false), keys(retentionKeys)], {
  error: 'it must be a map with history, days and keep, or false.',
});

const retention = keys({
  ...retentionKeys,
  maxDeletePercent: optional(
    count.check(z.maximum(100, 'it must be at most 100.')),
    'The most of the bucket’s objects, or of its bytes, that one plan may delete. Default: 10.',
  ),
  grace: optional(
    duration,
    'How long objects stay condemned before the first sweep, at least 25h. Default: 48h.',
  ),
});

const image = z.union(
  [
    text,
    keys({
      source: optional(
        text,
        'Needed unless the entry has inUse. As with docker pull: [host/]path[:tag][@digest], where a digest decides and the tag is only a name; or oci:PATH, an OCI image layout (a folder or a tar) relative to this file.',
      ),
      name: optional(
        text,
        'The name under which the image is served; needed for oci:. The first part has to look like a host: images.internal/app.',
      ),
      tags: optional(
        z.union([patterns, tags], {
          error: "it must be a list, as in ['1.27', '1.*'], or a map, as in { semver: '>=1.27', latest: 5 }.",
        }),
        "Which tags: a list of tags and patterns (['*'] is all of them), or a map that says more.",
      ),
      digests: optional(z.array(text), 'Manifests to mirror whatever tag they have or had.'),
      platforms: optional(
        platforms,
        'Of an index, only the children for these platforms are mirrored, as in [linux/amd64, linux/arm64]; or all. podman and CRI-O cannot fall back on upstream for the other platforms.',
      ),
      referrers: optional(referrers, 'Overrides the default: { every: 24h }, or false.'),
      moves: optional(moves, 'Overrides the default, key by key.'),
      retention: optional(
        imageRetention,
        'What "lifeboat prune" leaves of this image: overrides the mirror’s retention, key by key; or false to leave all of it.',
      ),
      public: optional(
        z.boolean(),
        'Whether the image may go into a public bucket although upstream does not show it to anonymous callers.',
      ),
      inUse: optional(
        inUse,
        'Instead of a source: what clusters run, by the lists that "lifeboat images --publish" writes into the bucket.',
      ),
    }),
  ],
  { error: 'it must be a reference such as docker.io/library/alpine:3.20, or a map with a source.' },
);

const onDemand = z.union(
  [
    text,
    keys({
      source: needed(
        text,
        'A host and a pattern of paths: docker.io/library/* (one part), quay.io/prometheus/** (any number). The host is not a pattern.',
      ),
      tags: optional(
        z.union([patterns, tags], {
          error: "it must be a list, as in ['1.*'], or a map, as in { exclude: ['*-rc*'] }.",
        }),
        'Which tags. Default: all.',
      ),
      maxSize: optional(
        text,
        'The most bytes of one image, all its platforms together, as in 500MiB or 8GiB. Default: 4GiB.',
      ),
      platforms: optional(platforms, 'As for an image.'),
      referrers: optional(referrers, 'As for an image.'),
      moves: optional(moves, 'As for an image.'),
      public: optional(z.boolean(), 'As for an image.'),
    }),
  ],
  { error: 'it must be a pattern such as docker.io/library/*, or a map with a source.' },
);

const edge = keys({
  url: needed(
    text,
    'The address at which clients reach the edge, without a path: https://mirror.example.com.',
  ),
  tokenFile: optional(
    text,
    'A file with a token of the edge and nothing else, relative to this file. Only for an edge with AUDIENCE = token.',
  ),
});

const address = z.url({
  protocol: /^https?$/,
  error: 'it must be an address such as https://hooks.example.com/lifeboat.',
});

const notify = keys({
  url: optional(
    address,
    'Where messages are sent. https; http only for this machine and private networks. Left out: only pings.',
  ),
  on: optional(
    z.array(z.enum(NOTIFY_EVENTS)).check(z.minLength(1, 'it lists no event.')),
    'What is worth a message. Default: [failed, finding, stale, held].',
  ),
  format: optional(
    z.enum(NOTIFY_FORMATS),
    'json: for programs. slack: an incoming webhook. teams: a webhook of Workflows. Default: json.',
  ),
  secret: optional(
    text,
    'Signs the messages as Standard Webhooks has it: whsec_ and base64. Write a variable, as in ${NOTIFY_SECRET}.',
  ),
  ping: optional(
    z.union(
      [
        address,
        keys({
          start: optional(address, 'Asked for when a run begins.'),
          success: optional(address, 'Asked for when a run has ended with exit code 0.'),
          fail: optional(address, 'Asked for when a run has ended with another exit code.'),
        }),
      ],
      {
        error:
          'it must be an address such as https://hc-ping.com/UUID, or a map with start, success and fail.',
      },
    ),
    'A dead-man switch: an address, to which /start and /fail are added as for healthchecks.io, or a map of addresses.',
  ),
  staleAfter: optional(
    duration,
    'How long no run could look at an image before that is the event stale. Default: 24h.',
  ),
  ca: optional(text, 'A PEM file with further root certificates, relative to this file.'),
});

export const configurationSchema = keys({
  name: optional(
    z
      .string()
      .check(
        z.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'it must be 1 to 63 lower-case letters, digits and hyphens.'),
      ),
    'The name of this mirror’s own state in the bucket. Default: default.',
  ),
  store: optional(
    store,
    'The bucket that the job fills and the edge serves. Give this key or stores, not both.',
  ),
  stores: optional(
    z.array(store).check(
      z.minLength(1, 'it lists no store.'),
      // The edge takes no more stores.
      z.maxLength(9, 'it lists more than nine stores.'),
    ),
    'Several buckets, each a whole mirror, filled in one go. The first one is the primary.',
  ),
  stateKey: optional(
    text,
    'A secret of at least 32 characters that signs what the stores are told about each other: write a variable, as in ${LIFEBOAT_STATE_KEY}. Default: each store’s secretAccessKey.',
  ),
  maxDuration: optional(
    duration,
    'How long a run may take, as in 50m. After that the run stops, and the next run goes on. Default: 5h.',
  ),
  upstreams: optional(
    z.record(z.string(), upstream),
    'By host (docker.io, registry.internal:5000): only what differs from the defaults.',
  ),
  defaults: optional(
    keys({
      referrers: optional(
        referrers,
        'How often the upstream is asked for new signatures, SBOMs and attestations of an unchanged image; or false. After the image’s first week: weekly, or at this interval if it is longer.',
      ),
      platforms: optional(
        platforms,
        'Of an index, only the children for these platforms are mirrored. Default: all.',
      ),
      moves: optional(moves, 'When the mirror moves a tag that upstream has moved.'),
    }),
    'For every image that does not say otherwise.',
  ),
  retention: optional(
    retention,
    'What "lifeboat prune" leaves. Without it, nothing is ever pruned but of images that have their own.',
  ),
  edge: optional(edge, 'The edge that clients are pointed at. "lifeboat doctor" examines it.'),
  images: needed(
    z.array(image).check(z.minLength(1, 'it lists no image.')),
    'What is mirrored: references, or maps with a source. May be left out beside onDemand.',
  ),
  onDemand: optional(
    z.array(onDemand).check(z.minLength(1, 'it lists no pattern.')),
    'What a job that runs as a Worker mirrors as soon as a client has asked the edge for it: patterns, or maps with a source.',
  ),
  notify: optional(
    z
      .array(notify)
      .check(z.minLength(1, 'it lists no address.'), z.maxLength(20, 'it lists more than twenty addresses.')),
    'The addresses that are told about runs, or pinged as a dead-man switch.',
  ),
});

/** The shape where no image has to be listed: for commands that get theirs on the command line, and beside `onDemand`. */
export const imagelessSchema = z.partial(configurationSchema, { images: true });

export type ConfigurationFile = z.infer<typeof configurationSchema>;
export type EdgeFile = NonNullable<ConfigurationFile['edge']>;
export type StoreFile = NonNullable<ConfigurationFile['store']>;
export type UpstreamsFile = NonNullable<ConfigurationFile['upstreams']>;
/** The long form of an entry of `images`. */
export type ImageFile = Exclude<ConfigurationFile['images'][number], string>;
export type InUseFile = NonNullable<ImageFile['inUse']>;
export type NotifyFile = NonNullable<ConfigurationFile['notify']>[number];
export type RetentionFile = NonNullable<ConfigurationFile['retention']>;
export type OnDemandFile = Exclude<NonNullable<ConfigurationFile['onDemand']>[number], string>;
export type PlatformsFile = NonNullable<ImageFile['platforms']>;
export type MovesFile = z.infer<typeof moves>;
/** The long form of `tags`. */
export type TagsFile = Exclude<NonNullable<ImageFile['tags']>, string[]>;
