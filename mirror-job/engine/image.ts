/** One entry of the configuration's `images`, as the engine takes it, with the default of each setting. */
import type { Digest } from '../../core/digest.ts';
import type { Repository, Tag } from '../../core/reference.ts';
import type { Platforms } from './selection/platform.ts';
import type { Selection, TagPattern } from './selection/selection.ts';
import type { Source } from './source.ts';

/** When a tag that upstream moves is moved here. */
export interface MovePolicy {
  /** `follow`: as upstream does. `hold`: only when it is approved. `immutable`: the same, and a change is a finding. */
  readonly policy: 'follow' | 'hold' | 'immutable';
  /** How long ago a run must have seen a digest first, before a tag moves to it. */
  readonly minAgeMs: number;
  /** Whether a tag follows when upstream puts it back to a digest that it had before. */
  readonly rollback: 'hold' | 'follow';
  /** How many tags that exist may move in a run; undefined for all. */
  readonly maxMovesPerRun: number | undefined;
}

export const FOLLOW: MovePolicy = {
  policy: 'follow',
  minAgeMs: 0,
  rollback: 'hold',
  maxMovesPerRun: undefined,
};

/** The tag beside a digest in one reference, as in `alpine:3.20@sha256:…`. */
export interface DigestName {
  readonly digest: Digest;
  readonly tag: Tag;
}

/** The settings of one entry: which tags and digests, and how they are mirrored. */
export interface ImageSettings {
  /** The name under which the image is served. */
  readonly repository: Repository;
  readonly tags: Selection;
  readonly digests: readonly Digest[];
  /** A name for people: nothing is asked for, or served, under this tag. */
  readonly digestName?: DigestName | undefined;
  /** The platforms whose children of an index are mirrored, normalized and sorted; left out for all. */
  readonly platforms?: Platforms;
  /** The interval at which the referrers of an unchanged image are requested; false to mirror no referrers at all. */
  readonly referrersEveryMs: number | false;
  readonly moves: MovePolicy;
  /** Tags that must not move, whatever `moves` says. */
  readonly immutable: readonly TagPattern[];
  /**
   * The most bytes of all blobs of one image, its platforms together, and again of all referrers of one manifest; left out for any
   * number.
   */
  readonly maxBlobBytes?: number | undefined;
}

/** The settings of one entry that concern its tags. */
export type TagSettings = Pick<ImageSettings, 'tags' | 'moves' | 'immutable'>;

/** The settings of an entry that says only where its image comes from. */
export const DEFAULT_SETTINGS: Omit<ImageSettings, 'repository'> = {
  tags: { explicit: [], rules: undefined },
  digests: [],
  digestName: undefined,
  platforms: undefined,
  referrersEveryMs: 24 * 3_600_000,
  moves: FOLLOW,
  immutable: [],
};

/** An entry as the engine takes it: its settings, and the open source that its bytes come from. */
export interface Image extends ImageSettings {
  readonly source: Source;
  /**
   * Whether an image that only callers with credentials may read is refused, because everybody may read the bucket. False
   * where the operator has said that it may be public, and where the bucket's readers have tokens.
   */
  readonly mustBePublic: boolean;
  /** All entries that are served under the same name, in this run or not: their policies hold too. */
  readonly neighbours: readonly TagSettings[];
}
