/**
 * The shape of lifeboat.yaml. interpret.ts checks what the values mean, and whether they go together. Editors show the
 * descriptions, which `npm run schema` writes into lifeboat.schema.json.
 */
import * as z from 'zod/mini';
import { image } from './schema/image.ts';
import { moves } from './schema/moves.ts';
import { notify } from './schema/notify.ts';
import { onDemand } from './schema/on-demand.ts';
import { retention } from './schema/retention.ts';
import { platforms, referrers } from './schema/selection.ts';
import { store } from './schema/store.ts';
import { upstream } from './schema/upstream.ts';
import { duration, keys, needed, optional, text } from './schema/values.ts';

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
