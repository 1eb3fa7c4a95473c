/** A tag that upstream has moved: whether ours follows, and what is stored and remembered of it either way. */
import type { Repository, Tag } from '../../../core/reference.ts';
import type { CandidateEntry, TagEntry } from '../../../core/repository-index.ts';
import type { Environment } from '../environment.ts';
import { heldOutcome, immutableFinding } from './hold-text.ts';
import type { StoredManifest } from '../copy/manifest-copy.ts';
import type { Platforms } from '../copy/platform.ts';
import type { Finding, Outcome } from '../report.ts';
import type { RepositoryState } from './repository-state.ts';
import { bothOrThrow } from '../support/all-or-throw.ts';
import type { Resolved } from '../source.ts';
import type { Recorded } from '../copy/sparse-images.ts';
import { entryOf, forgetSurplus, placeLeft, placeOf, standingOf, type Stood } from './tag-memory.ts';
import {
  decide,
  isSameSighting,
  observe,
  type HoldCause,
  type MovePolicy,
  type Place,
  type Standing,
} from './tag-policy.ts';

/** What was stored, and for which platforms. */
export interface Stored {
  readonly stored: StoredManifest;
  readonly platforms: Platforms;
  /** When upstream was asked last what refers to it; undefined if never. ISO 8601, UTC. */
  readonly referrersChecked: string | undefined;
}

/** Where a tag is to stand. */
export interface MoveTarget {
  /** Where it stands; undefined where there is none. */
  readonly ours: Standing | undefined;
  readonly place: Place;
  /** For the history. */
  readonly why?: string;
  /** What has to be true before the tag is written. */
  readonly ready?: Promise<void>;
}

/** What is done of an image run. */
export interface MoveWork {
  readonly policyFor: (tag: Tag) => MovePolicy;
  /**
   * Stores a manifest with all it needs and what refers to it.
   * @param known what is noted of this very digest
   */
  readonly copy: (resolved: Resolved, known: Recorded | undefined) => Promise<Stored>;
  /** The same of what is to be stored already: upstream is asked only for what is due, or has got lost. */
  readonly recall: (entry: CandidateEntry) => Promise<Stored>;
  /** Looks for what belongs to a tag that stays, if that is due. @returns what to note of it; itself where nothing was due */
  readonly refresh: (entry: TagEntry) => Promise<TagEntry>;
  /** Whether what is noted says that nothing is due. */
  readonly isSettled: (entry: CandidateEntry) => boolean;
  readonly publish: (tag: Tag, stored: Stored, target: MoveTarget) => Promise<Outcome | 'conflict'>;
  readonly onFinding: (finding: Finding) => void;
}

export class TagMover {
  readonly #environment: Pick<Environment, 'clock'>;
  readonly #repository: Repository;
  readonly #state: RepositoryState;
  readonly #work: MoveWork;
  /** Tags that were there before and have moved in this run, or are about to. */
  #moved = 0;

  constructor(
    environment: Pick<Environment, 'clock'>,
    repository: Repository,
    state: RepositoryState,
    work: MoveWork,
  ) {
    this.#environment = environment;
    this.#repository = repository;
    this.#state = state;
    this.#work = work;
  }

  /**
   * Does with a tag what its policy says, now that upstream's stands where it was resolved.
   * @param stood where the tag was before upstream was asked; undefined where there was none
   * @returns `conflict` when another run has moved or held it meanwhile: nothing was moved
   * @throws {SourceError}
   * @throws {StoreError}
   */
  async decide(tag: Tag, resolved: Resolved, stood: Stood | undefined): Promise<Outcome | 'conflict'> {
    const now = this.#environment.clock.now();
    const policy = this.#work.policyFor(tag);
    const ours = stood === undefined ? undefined : standingOf(this.#state, tag, stood);
    const known = this.#state.candidates(tag).filter(({ digest }) => digest !== ours?.digest);
    const upstream = observe(resolved.digest, ours, known, now);
    const others = [...known.filter(({ digest }) => digest !== upstream.digest), upstream];
    const decision = decide({ ours, others, upstream }, policy, now);
    if (ours === undefined || stood === undefined || decision.kind === 'keep') {
      const same = stood?.digest === resolved.digest ? stood : undefined;
      // A tag that stays is written only where its platforms are others than it says.
      const why = ours === undefined ? {} : { why: 'other platforms' };
      return this.#work.publish(tag, await this.#work.copy(resolved, same), {
        ours,
        place: upstream,
        ...why,
      });
    }
    if (decision.kind === 'hold' && decision.cause.kind === 'immutable') {
      // Said even if upstream does not give its bytes.
      this.#work.onFinding(
        immutableFinding({ repository: this.#repository, tag, digest: ours.digest, upstream }),
      );
    }
    // What upstream shows is stored whatever becomes of the tag: so it can be pulled by digest, and approved at once.
    const fresh = await this.#remember(tag, resolved, upstream);
    if (decision.kind === 'hold') return this.#holdBack(tag, upstream, stood, decision.cause);
    const { to, why } = decision;
    const { maxMovesPerRun: most = Infinity } = policy;
    const enough = (): Promise<Outcome> =>
      this.#holdBack(tag, upstream, stood, { kind: 'enough', moved: most });
    if (this.#moved >= most) return enough();
    const target = placeOf(this.#state, tag, to);
    const stored =
      fresh?.stored.digest === to
        ? fresh
        : await (target === undefined ? this.#work.copy({ digest: to }, target) : this.#work.recall(target));
    // Counted only now: what upstream does not give must not keep its siblings from moving.
    if (this.#moved >= most) return enough();
    return this.#follow(tag, stored, target ?? upstream, { stood, ours, why });
  }

  async #holdBack(tag: Tag, upstream: Place, stood: Stood, cause: HoldCause): Promise<Outcome> {
    const repository = this.#repository;
    const { digest, hold } = stood;
    const ours = standingOf(this.#state, tag, stood);
    forgetSurplus(this.#state, tag, ours);
    const known = this.#state.tag(tag);
    if (known !== undefined && known.digest === digest) {
      const fresh = await this.#work.refresh(known.hold === hold ? known : { ...known, hold });
      if (fresh !== known || known.gone !== undefined) {
        await this.#state.note({ ...fresh, gone: undefined });
      }
    } else {
      await this.#state.note(entryOf(tag, stood, ours));
    }
    return heldOutcome({ repository, tag, digest, upstream }, cause, this.#work.policyFor(tag));
  }

  /** @returns what was stored, where anything had to be */
  async #remember(tag: Tag, resolved: Resolved, place: Place): Promise<Stored | undefined> {
    const known = placeOf(this.#state, tag, place.digest);
    const { firstSeen, returned, sightings } = place;
    if (known !== undefined && this.#work.isSettled(known)) {
      if (!isSameSighting(known, place)) await this.#state.note({ ...known, returned, sightings });
      return undefined;
    }
    const copied = await this.#work.copy(resolved, known);
    const { stored, platforms, referrersChecked } = copied;
    await this.#state.note({
      kind: 'candidate',
      tag,
      mediaType: stored.manifest.mediaType,
      digest: stored.digest,
      size: stored.size,
      firstSeen,
      returned,
      sightings,
      left: known?.left,
      referrersChecked,
      platforms,
    });
    return copied;
  }

  /** Moves a tag that exists to what is stored. */
  async #follow(
    tag: Tag,
    stored: Stored,
    place: Place,
    { stood, ours, why }: { readonly stood: Stood; readonly ours: Standing; readonly why: string },
  ): Promise<Outcome | 'conflict'> {
    this.#moved += 1;
    let outcome: Outcome | 'conflict' = 'conflict';
    try {
      // Noted before the tag moves: a run that dies in between must not forget where it stood.
      await this.#state.note(placeLeft(tag, stood, ours));
      const ready = this.#state.question(tag);
      // Both are awaited, whichever fails: nothing of a tag goes on behind the back of the run.
      const published = this.#work.publish(tag, stored, { ours, place, why, ready });
      [outcome] = await bothOrThrow(published, ready);
      return outcome;
    } finally {
      if (outcome === 'conflict' || outcome.result !== 'moved') this.#moved -= 1;
    }
  }
}
