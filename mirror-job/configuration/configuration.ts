/** A checked configuration, as the rest of the job works with it. */
import type { Audience } from '../../core/identity.ts';
import type { Upstream } from '../../core/reference.ts';
import type { ImageSettings } from '../engine/image.ts';
import type { BudgetSettings } from '../sources/registry/pace/budget.ts';
import type { Password } from '../sources/registry/registry-options.ts';
import type { S3StoreOptions } from '../storage/s3/s3-options.ts';

/** The line of a key in the file, for messages; from 1. */
type Line = number | undefined;

export interface Configuration {
  /** Names this mirror's state in the bucket. */
  readonly name: string;
  /** The only store, or the primary. */
  readonly store: StoreConfiguration;
  /** Further stores, in order: each is a whole mirror, for the primary's audience. */
  readonly laterStores: readonly StoreConfiguration[];
  /** The secret that signs notes about stores; undefined if each store's own secret signs them. */
  readonly stateKey: string | undefined;
  /** How long a run may take. */
  readonly maxDuration: MaxDuration;
  readonly upstreams: ReadonlyMap<Upstream, UpstreamConfiguration>;
  readonly defaults: ImageDefaults;
  readonly images: readonly ImageConfiguration[];
}

/** The settings that `defaults` gives to all entries. */
export type ImageDefaults = Pick<ImageSettings, 'referrersEveryMs' | 'platforms' | 'moves'>;

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
  /** Accounts in the file's order; none to ask anonymously; undefined for the logins of docker or AWS. */
  readonly credentials: readonly Password[] | undefined;
  readonly insecure: boolean;
  /** A file with further root certificates, PEM. */
  readonly ca: string | undefined;
  /** How long the upstream may be silent; undefined for the default. */
  readonly timeoutMs: number | undefined;
  /** The most requests at once; undefined for the default. */
  readonly concurrency: number | undefined;
  readonly budget: BudgetSettings;
  readonly line: Line;
}

export interface ImageConfiguration extends ImageSettings {
  readonly source:
    | { readonly kind: 'registry'; readonly upstream: Upstream; readonly path: string }
    | { readonly kind: 'layout'; readonly folder: string };
  /** Whether the operator says that the image may be public although upstream does not show it to everybody. */
  readonly public: boolean;
  readonly line: Line;
}
