/** A configuration that makes sense: what the rest of the job works with. */
import type { Audience } from '../../core/identity.ts';
import type { Digest } from '../../core/digest.ts';
import type { Repository, Upstream } from '../../core/reference.ts';
import type { DigestName } from '../engine/run/image.ts';
import type { Platforms } from '../engine/copy/platform.ts';
import type { Selection, TagPattern } from '../engine/selection/selection.ts';
import type { MovePolicy } from '../engine/tags/tag-policy.ts';
import type { BudgetSettings } from '../sources/registry/budget.ts';
import type { Password } from '../sources/registry/registry-options.ts';
import type { S3StoreOptions } from '../storage/s3/s3-options.ts';

/** Where the file says so, for messages; from 1. */
type Line = number | undefined;

export interface Configuration {
  /** Names this mirror's state in the bucket. */
  readonly name: string;
  /** The only one, or the primary. */
  readonly store: StoreConfiguration;
  /** Further ones, in order: whole mirrors of the primary, for the same audience. */
  readonly laterStores: readonly StoreConfiguration[];
  /** Signs what one store is told about another one. Undefined: each store's own secret does. */
  readonly stateKey: string | undefined;
  /** How long a run may take. */
  readonly maxDuration: MaxDuration;
  readonly upstreams: ReadonlyMap<Upstream, UpstreamConfiguration>;
  readonly defaults: {
    /** Milliseconds, or false. */
    readonly referrersEvery: number | false;
    readonly platforms: Platforms;
    readonly moves: MovePolicy;
  };
  readonly images: readonly ImageConfiguration[];
}

export interface StoreConfiguration extends S3StoreOptions {
  readonly audience: Audience;
  readonly singleWriter: boolean;
  readonly line: Line;
  /** How the file calls it: `store`, or `stores[0]`. */
  readonly key: string;
}

export interface MaxDuration {
  readonly milliseconds: number;
  /** As the file says it. */
  readonly text: string;
}

export interface UpstreamConfiguration {
  /** In their order. None: asked anonymously. Undefined: whatever "docker login" left, or AWS gives. */
  readonly credentials: readonly Password[] | undefined;
  readonly insecure: boolean;
  /** A file with further root certificates, PEM. */
  readonly ca: string | undefined;
  /** Milliseconds of silence that are borne; undefined for the default. */
  readonly timeout: number | undefined;
  /** Requests at once at most; undefined for the default. */
  readonly concurrency: number | undefined;
  readonly budget: BudgetSettings;
  readonly line: Line;
}

export interface ImageConfiguration {
  readonly source:
    | { readonly kind: 'registry'; readonly upstream: Upstream; readonly path: string }
    | { readonly kind: 'layout'; readonly folder: string };
  /** Where it is served. */
  readonly repository: Repository;
  readonly tags: Selection;
  readonly digests: readonly Digest[];
  readonly digestName: DigestName | undefined;
  /** Of indexes only the children for these are mirrored. */
  readonly platforms: Platforms;
  /** Milliseconds, or false. */
  readonly referrersEvery: number | false;
  readonly moves: MovePolicy;
  /** Tags whose policy is `immutable`, whatever `moves` says. */
  readonly immutable: readonly TagPattern[];
  /** The operator says that it may be public though upstream does not show it to everybody. */
  readonly public: boolean;
  readonly line: Line;
}
