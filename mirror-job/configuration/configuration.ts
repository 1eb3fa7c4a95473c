/** The types of a checked configuration, as the rest of the job works with it. */
import type { Audience } from '../../core/identity.ts';
import type { Upstream } from '../../core/reference.ts';
import type { ImageSettings } from '../engine/image.ts';
import type { MirrorRetention, Retention } from '../engine/maintenance/retention.ts';
import type { Selection, TagPattern } from '../engine/selection/selection.ts';
import type { BudgetSettings } from '../sources/registry/pace/budget.ts';
import type { Password } from '../sources/registry/registry-options.ts';
import type { S3StoreOptions } from '../storage/s3/s3-options.ts';

/** The line of a key in the file, counted from 1, for messages. */
type Line = number | undefined;

export interface Configuration {
  /** Names this mirror's state in the bucket. */
  readonly name: string;
  /** The only store, or the primary. */
  readonly store: StoreConfiguration;
  /** Further stores, in the file's order. Each is a whole mirror, for the primary's audience. */
  readonly laterStores: readonly StoreConfiguration[];
  /** The secret that signs notes about stores; undefined if each store's own secret signs them. */
  readonly stateKey: string | undefined;
  /** The longest time that a run may take. */
  readonly maxDuration: MaxDuration;
  readonly upstreams: ReadonlyMap<Upstream, UpstreamConfiguration>;
  readonly defaults: ImageDefaults;
  /** The rules for what pruning leaves; undefined if it leaves all. */
  readonly retention: MirrorRetention | undefined;
  /** The edge that clients are pointed to; undefined if the file does not name it. */
  readonly edge: EdgeConfiguration | undefined;
  readonly images: readonly ImageConfiguration[];
  readonly inUse: readonly InUseRule[];
  readonly onDemand: readonly OnDemandRule[];
  /** The addresses that are told about runs. */
  readonly notify: readonly NotifyTarget[];
}

/** The settings that `defaults` gives to all entries. */
export type ImageDefaults = Pick<ImageSettings, 'referrersEveryMs' | 'platforms' | 'moves'>;

export interface EdgeConfiguration {
  /** An origin, such as `https://mirror.example.com`, without a slash at its end. */
  readonly url: string;
  /** The absolute path of a file with a token; undefined if the edge needs none. */
  readonly tokenFile: string | undefined;
}

export interface StoreConfiguration extends S3StoreOptions {
  readonly audience: Audience;
  readonly singleWriter: boolean;
  readonly line: Line;
  /** The key in the file: `store`, or `stores[0]`. */
  readonly key: string;
}

export interface MaxDuration {
  readonly milliseconds: number;
  /** The duration as the file writes it. */
  readonly text: string;
}

export interface UpstreamConfiguration {
  /** Accounts in the file's order. An empty list asks anonymously; undefined uses the logins of docker or AWS. */
  readonly credentials: readonly Password[] | undefined;
  readonly insecure: boolean;
  /** A PEM file with further root certificates. */
  readonly ca: string | undefined;
  /** The longest time that the upstream may be silent; undefined for the default. */
  readonly timeoutMs: number | undefined;
  /** The most requests in parallel; undefined for the default. */
  readonly concurrency: number | undefined;
  readonly budget: BudgetSettings;
  readonly line: Line;
}

export interface ImageConfiguration extends ImageSettings {
  /** The rules for what pruning leaves of the image: false if it leaves all of it; undefined for the mirror's retention. */
  readonly retention?: Retention | false | undefined;
  readonly source:
    | { readonly kind: 'registry'; readonly upstream: Upstream; readonly path: string }
    | { readonly kind: 'layout'; readonly folder: string };
  /** Whether the operator says that the image may be public although upstream does not show it to everybody. */
  readonly public: boolean;
  readonly line: Line;
  /** The place of the entry in the file's `images`, from 0; undefined for an image of the command line. */
  readonly position: number | undefined;
}

/** Which images are mirrored because a cluster uses them, and how. */
export interface InUseRule extends Omit<ImageSettings, 'repository' | 'tags' | 'digests' | 'digestName'> {
  /** Match names of clusters. */
  readonly clusters: readonly TagPattern[];
  /** The only hosts that the rule is for, because whoever writes a list must not choose where the job sends requests. */
  readonly upstreams: ReadonlySet<Upstream>;
  /** Match repositories with their host; empty for all. */
  readonly include: readonly TagPattern[];
  readonly exclude: readonly TagPattern[];
  /** How long an image is mirrored after it was used last. */
  readonly keepMs: number;
  /** The greatest age of a list that is no finding. */
  readonly maxAgeMs: number;
  /** As for an image. */
  readonly public: boolean;
  readonly line: Line;
}

/** Which images are mirrored when a client has asked the edge for them, and how. */
export interface OnDemandRule extends Omit<ImageSettings, 'repository' | 'tags' | 'digests' | 'digestName'> {
  /** The only host that the rule is for, because a pattern of hosts would let clients choose where the job sends requests. */
  readonly upstream: Upstream;
  /** Matches paths without their host. */
  readonly path: TagPattern;
  /** The tags that may be mirrored. */
  readonly tags: Selection;
  /** Whether manifests may be mirrored that a client names by digest: it does not say which tags they have. */
  readonly isForDigests: boolean;
  /** As for an image. */
  readonly public: boolean;
  readonly line: Line;
}

/** The events of a run that can be worth a message. */
export const NOTIFY_EVENTS = ['failed', 'finding', 'held', 'moved', 'stale'] as const;
export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];
export const NOTIFY_FORMATS = ['json', 'slack', 'teams'] as const;

/** Addresses for a dead-man switch. Each may be a secret. */
export interface PingUrls {
  readonly start?: string | undefined;
  readonly success?: string | undefined;
  readonly fail?: string | undefined;
}

/** An entry of `notify`. Its addresses may be secrets, so messages show its name. */
export interface NotifyTarget {
  /** The key and the host: `notify[0] (hooks.slack.com)`. */
  readonly name: string;
  /** Undefined if only pings are sent. */
  readonly url: string | undefined;
  readonly on: ReadonlySet<NotifyEvent>;
  readonly format: (typeof NOTIFY_FORMATS)[number];
  /** `whsec_` and base64; undefined if messages are not signed. */
  readonly secret: string | undefined;
  readonly ping: PingUrls;
  /** How long nothing could be looked at before it counts as stale. */
  readonly staleAfterMs: number;
  /** A PEM file with further root certificates. */
  readonly ca: string | undefined;
  readonly line: Line;
  /** The key in the file: `notify[0]`. */
  readonly key: string;
}
