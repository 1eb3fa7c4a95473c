/** Does with our tag what its policy decides when upstream has moved its own: moves it, or holds it and stores the digest. */
import type { Tag } from '../../../core/reference.ts';
import type { Environment } from '../environment.ts';
import type { Finding, Outcome } from '../report.ts';
import type { Image } from '../image.ts';
import { SourceError, type Resolved } from '../source.ts';
import { bothOrThrow } from '../support/all-or-throw.ts';
import { heldOutcome, immutableFinding } from './hold-text.ts';
import type { ImageCopier, StoredImage } from './image-copier.ts';
import { policyFor } from './policy-for.ts';
import { findTag } from './publish.ts';
import type { RepositoryState } from './repository-state.ts';
import {
  currentTargetOf,
  findCandidate,
  forgetSurplus,
  toCandidate,
  toTagEntry,
  type PriorTag,
} from './tag-memory.ts';
import {
  decideMove,
  isSameSighting,
  observe,
  type CurrentTarget,
  type HoldCause,
  type ObservedDigest,
} from './tag-policy.ts';
import type { TagWriter } from './tag-writer.ts';

export interface TagMoverOptions {
  readonly environment: Pick<Environment, 'clock' | 'store'>;
  readonly image: Image;
  readonly state: RepositoryState;
  readonly copier: ImageCopier;
  readonly writer: TagWriter;
  /** Gets a finding for each immutable tag that upstream has changed. */
  readonly findings: Finding[];
}

export class TagMover {
  readonly #options: TagMoverOptions;
  /** How many tags that were there before have moved in this run, or are about to. */
  #moved = 0;

  constructor(options: TagMoverOptions) {
    this.#options = options;
  }

  /**
   * Does with a tag what its policy says about the digest that upstream has now. If another run moves or holds the tag
   * meanwhile, it is decided again, once, from what our tag and upstream are then.
   * @param prior our tag, read before upstream was asked; undefined if there was none
   * @throws {SourceError} also if another run gets in between twice
   * @throws {StoreError}
   */
  async follow(tag: Tag, resolved: Resolved, prior: PriorTag | undefined): Promise<Outcome> {
    const { environment, image, state } = this.#options;
    const { source, repository } = image;
    const wasNoted = findCandidate(state, tag, resolved.digest) !== undefined;
    const outcome = await this.#applyPolicy(tag, resolved, prior);
    if (outcome !== 'conflict') return outcome;
    const candidate = findCandidate(state, tag, resolved.digest);
    // It was observed before the other run did what it did, so its sighting cannot be compared with that.
    if (!wasNoted && candidate !== undefined) state.forget(candidate);
    // The other run moved or held the tag, or the index was behind the tag.
    const current = await findTag(environment, repository, tag);
    const latest = await source.resolve(tag);
    const second = latest === undefined ? 'conflict' : await this.#applyPolicy(tag, latest, current);
    if (second !== 'conflict') return second;
    throw new SourceError(
      `${repository}:${tag} was moved by another run while this run tried to move it. The next run looks at it again.`,
    );
  }

  /** @returns `conflict` if another run has moved or held our tag meanwhile: nothing was moved */
  async #applyPolicy(
    tag: Tag,
    resolved: Resolved,
    prior: PriorTag | undefined,
  ): Promise<Outcome | 'conflict'> {
    const { environment, image, state, copier, writer, findings } = this.#options;
    const now = environment.clock.now();
    const policy = policyFor(tag, image);
    const current = prior === undefined ? undefined : currentTargetOf(state, tag, prior);
    const candidates = state.candidates(tag).filter(({ digest }) => digest !== current?.digest);
    const upstream = observe(resolved.digest, current, candidates, now);
    const others = [...candidates.filter(({ digest }) => digest !== upstream.digest), upstream];
    const decision = decideMove({ current, others, upstream }, policy, now);
    if (current === undefined || prior === undefined || decision.kind === 'keep') {
      const record = prior?.digest === resolved.digest ? prior : undefined;
      // A tag that stays is written only if its platforms have changed.
      const why = current === undefined ? {} : { why: 'other platforms' };
      const stored = await copier.copy(resolved, record);
      return writer.publish(tag, stored, { current, observed: upstream, ...why });
    }
    if (decision.kind === 'hold' && decision.cause.kind === 'immutable') {
      // Reported before anything is fetched, because it is true even if upstream does not give the bytes.
      const { repository } = image;
      findings.push(immutableFinding({ repository, tag, digest: current.digest, upstream }));
    }
    // Stored whatever becomes of the tag, so that it can be pulled by digest, and approved at once.
    const fresh = await this.#storeCandidate(tag, resolved, upstream);
    const holdBy = (cause: HoldCause): Promise<Outcome> => this.#holdBack(tag, upstream, prior, cause, now);
    if (decision.kind === 'hold') return holdBy(decision.cause);
    const { to, why } = decision;
    const { maxMovesPerRun: maxMoves = Infinity } = policy;
    if (this.#moved >= maxMoves) return holdBy({ kind: 'move-limit', maxMoves });
    const target = findCandidate(state, tag, to);
    const stored =
      fresh?.root.digest === to
        ? fresh
        : await (target === undefined ? copier.copy({ digest: to }) : copier.recall(target));
    // Counted only now, because a digest that upstream does not give must not keep other tags from moving.
    if (this.#moved >= maxMoves) return holdBy({ kind: 'move-limit', maxMoves });
    return this.#move(tag, stored, target ?? upstream, { prior, current, why });
  }

  async #holdBack(
    tag: Tag,
    upstream: ObservedDigest,
    prior: PriorTag,
    cause: HoldCause,
    now: Date,
  ): Promise<Outcome> {
    const { image, state, writer } = this.#options;
    const { repository } = image;
    const { digest, hold } = prior;
    const current = currentTargetOf(state, tag, prior);
    forgetSurplus(state, tag, current);
    const entry = state.tag(tag);
    if (entry !== undefined && entry.digest === digest) {
      const fresh = await writer.refresh(entry.hold === hold ? entry : { ...entry, hold }, true);
      if (fresh !== entry || entry.gone !== undefined) await state.note({ ...fresh, gone: undefined });
    } else {
      await state.note(toTagEntry(tag, prior, current));
    }
    return heldOutcome({ repository, tag, digest, upstream }, cause, policyFor(tag, image), now);
  }

  /** @returns what was stored; undefined if everything was there */
  async #storeCandidate(
    tag: Tag,
    resolved: Resolved,
    observed: ObservedDigest,
  ): Promise<StoredImage | undefined> {
    const { state, copier } = this.#options;
    const candidate = findCandidate(state, tag, observed.digest);
    const { firstSeen, returned, sightings } = observed;
    if (candidate !== undefined && copier.isUpToDate(candidate)) {
      if (!isSameSighting(candidate, observed)) await state.note({ ...candidate, returned, sightings });
      return undefined;
    }
    const stored = await copier.copy(resolved, candidate);
    const { root, platforms, referrersChecked } = stored;
    await state.note({
      kind: 'candidate',
      tag,
      mediaType: root.manifest.mediaType,
      digest: root.digest,
      size: root.size,
      firstSeen,
      returned,
      sightings,
      left: candidate?.left,
      referrersChecked,
      platforms,
    });
    return stored;
  }

  /** Moves a tag that exists to an image that is stored. */
  async #move(
    tag: Tag,
    stored: StoredImage,
    observed: ObservedDigest,
    {
      prior,
      current,
      why,
    }: { readonly prior: PriorTag; readonly current: CurrentTarget; readonly why: string },
  ): Promise<Outcome | 'conflict'> {
    const { state, writer } = this.#options;
    this.#moved += 1;
    let outcome: Outcome | 'conflict' = 'conflict';
    try {
      // Noted before the tag moves, because a run that dies in between must not forget where the tag was.
      await state.note(toCandidate(tag, prior, current));
      const ready = state.unlist(tag);
      // Both are awaited, whichever fails, so that no work on a tag outlives its outcome.
      const published = writer.publish(tag, stored, { current, observed, why, ready });
      [outcome] = await bothOrThrow(published, ready);
      return outcome;
    } finally {
      if (outcome === 'conflict' || outcome.result !== 'moved') this.#moved -= 1;
    }
  }
}
