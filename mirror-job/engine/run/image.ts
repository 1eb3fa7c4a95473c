/** One entry of the configuration's `images`, as the engine takes it. */
import type { Digest } from '../../../core/digest.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import type { TagSettings } from '../tags/policy-for.ts';
import type { Platforms } from '../copy/platform.ts';
import type { Selection, TagPattern } from '../selection/selection.ts';
import type { Source } from '../source.ts';
import type { MovePolicy } from '../tags/tag-policy.ts';

/** The tag that stands beside a digest in one reference, as in `alpine:3.20@sha256:…`. */
export interface DigestName {
  readonly digest: Digest;
  readonly tag: Tag;
}

export interface Image {
  readonly source: Source;
  /** Where it is served. */
  readonly repository: Repository;
  readonly tags: Selection;
  readonly digests: readonly Digest[];
  /** A name for people: nothing is asked for, or served, under this tag. */
  readonly digestName?: DigestName | undefined;
  /** Of indexes only the children for these are mirrored; left out for all. Normalized and sorted. */
  readonly platforms?: Platforms;
  /** How often, in milliseconds, an unchanged image is asked for new referrers; false for never, and none at all. */
  readonly referrersEvery: number | false;
  /**
   * What only callers with credentials may read is refused, because everybody may read the bucket. False where
   * the operator has said that it may be public, and where the bucket's readers have tokens.
   */
  readonly mustBePublic: boolean;
  /** When a tag that upstream moves is moved here. */
  readonly moves: MovePolicy;
  /** Tags that must not move, whatever `moves` says. */
  readonly immutable: readonly TagPattern[];
  /** All entries that are served under the same name, whether or not they are looked at now: their policies hold too. */
  readonly neighbours: readonly TagSettings[];
}
