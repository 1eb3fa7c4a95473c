/** One image of the configuration: which tags there are, what is new, copied, published and noted. */
import type { Digest } from '../../../core/digest.ts';
import type { Tag } from '../../../core/reference.ts';
import type { TagEntry } from '../../../core/repository-index.ts';
import type { BlobWriter } from '../copy/blob-copy.ts';
import type { Environment } from '../environment.ts';
import type { Image } from './image.ts';
import { partyOf, type FairShare } from '../support/fair-share.ts';
import { limitFor } from '../support/limit.ts';
import { ManifestCopier, createManifestRetention, type StoredManifest } from '../copy/manifest-copy.ts';
import { applyListing, checkNamed, noteGone } from '../tags/listed-tags.ts';
import { referrersFinding } from '../tags/hold-text.ts';
import { SingleFlight } from '../support/single-flight.ts';
import { joinPlatforms, type Platforms } from '../copy/platform.ts';
import { policyFor } from '../tags/policy-for.ts';
import { findTag, publishTag } from '../tags/publish.ts';
import { ReferrerCopier } from '../copy/referrer-copy.ts';
import { referrersAreDue, type ReferrerTimes } from '../copy/referrer-schedule.ts';
import type { Finding, ItemReport, Outcome } from '../report.ts';
import type { RepositoryState } from '../tags/repository-state.ts';
import type { Keeper } from '../support/memory-budget.ts';
import type { SelectionResult } from '../selection/selection.ts';
import { SignatureTags } from '../tags/signature-tags.ts';
import { outcomeOf } from '../skipped-error.ts';
import type { SourceUsers } from './source-users.ts';
import { SourceError, resolveByManifest, type Resolved, type Source } from '../source.ts';
import { SparseImages, isSameRecord, type Recorded } from '../copy/sparse-images.ts';
import {
  toTagEntry,
  forgetSurplus,
  findCandidate,
  currentTargetOf,
  type PriorTag,
} from '../tags/tag-memory.ts';
import { TagMover, type MoveTarget, type Stored } from '../tags/tag-mover.ts';
import { isSameSighting, observe } from '../tags/tag-policy.ts';

/** What a dry run does in another way. */
export interface RunHooks {
  readonly blobs: BlobWriter;
  /** What copies of manifests remember together; left out: as much for each image. */
  readonly retention?: Keeper;
  /** Told when the image has selected its tags. */
  readonly users?: Pick<SourceUsers, 'endSelection'>;
  /** Told which tags are mirrored, and why. */
  readonly onSelection?: (image: Image, selected: SelectionResult) => void;
}

export class ImageRun {
  /** Complete once `run` is done. */
  readonly findings: Finding[] = [];
  readonly #environment: Environment;
  readonly #image: Image;
  readonly #state: RepositoryState;
  readonly #manifests: ManifestCopier;
  readonly #referrers: ReferrerCopier;
  readonly #signatures: SignatureTags;
  readonly #sparse: SparseImages;
  readonly #mover: TagMover;
  readonly #onSelection: RunHooks['onSelection'];
  readonly #users: RunHooks['users'];
  readonly #shown = new SingleFlight<'upstream', boolean>();
  /** Images that have too many referrers. */
  readonly #excessive = new Set<Digest>();
  /** What upstream was seen to have last: its visibility is asked by that. */
  #seen: Digest | undefined;

  constructor(environment: Environment, image: Image, state: RepositoryState, work: RunHooks) {
    this.#environment = environment;
    this.#image = image;
    this.#state = state;
    this.#onSelection = work.onSelection;
    this.#users = work.users;
    const admit = (digest: Digest): Promise<void> => this.#refusePrivate(this.#seen ?? digest);
    const { blobs, retention = createManifestRetention() } = work;
    this.#manifests = new ManifestCopier(environment, image.repository, blobs, admit, retention);
    this.#referrers = new ReferrerCopier(environment, image.repository, this.#manifests, retention);
    this.#signatures = new SignatureTags({
      environment,
      repository: image.repository,
      state,
      manifests: this.#manifests,
      referrers: this.#referrers,
    });
    this.#sparse = new SparseImages(environment, image);
    this.#mover = new TagMover(environment, image.repository, state, {
      policyFor: (tag) => policyFor(tag, image),
      copy: (resolved, known) => this.#copy(resolved, image.source, known),
      recall: (entry) => {
        const checked = this.#isSettled(entry) ? entry.referrersChecked : undefined;
        return this.#store({ digest: entry.digest }, image.source, entry, checked);
      },
      // What is going to move, or is held back, has its turn already.
      refresh: (entry) => this.#refresh(entry, (task) => task()),
      isSettled: (entry) => this.#isSettled(entry),
      publish: (tag, stored, target) => this.#publish(tag, stored, target),
      onFinding: (finding) => this.findings.push(finding),
    });
  }

  /** Never throws: whatever goes wrong with one tag is that tag's outcome, and its siblings go on. */
  async run(slots: FairShare): Promise<readonly ItemReport[]> {
    const { tally } = this.#environment;
    const limit = limitFor(slots, partyOf(this.#image.source));
    const { repository, digests } = this.#image;
    const { tags, before } = await this.#selectTags();
    const work: [Tag | Digest, () => Promise<Outcome>][] = [
      ...tags.map((tag): [Tag, () => Promise<Outcome>] => [tag, () => this.#mirrorTag(tag)]),
      ...digests.map((digest): [Digest, () => Promise<Outcome>] => [
        digest,
        () => this.#inTurn(() => this.#mirrorPin(digest)),
      ]),
    ];
    tally.planned += work.length;
    const items = await Promise.all(
      work.map(([reference, mirror]) =>
        limit(async () => {
          const outcome = await this.#outcomeOf(mirror);
          tally.finished += 1;
          return { repository, reference, outcome };
        }),
      ),
    );
    const gone = items.flatMap(({ reference, outcome }) => (outcome.result === 'gone' ? [reference] : []));
    const named = checkNamed(this.#image, this.#state, new Set(gone), this.#environment.clock.now());
    for (const finding of named) this.findings.push(finding);
    return [...before, ...items];
  }

  /**
   * A list that cannot be had, or believed, takes nothing from what is named: that needs no list.
   * @returns what is looked at now, and what came out before
   */
  async #selectTags(): Promise<{ readonly tags: readonly Tag[]; readonly before: readonly ItemReport[] }> {
    const { source, repository } = this.#image;
    const { explicit, rules } = this.#image.tags;
    try {
      const listed = rules === undefined ? undefined : await source.tags();
      const { clock, log } = this.#environment;
      const believed = await applyListing(this.#image, this.#state, listed ?? [], clock.now());
      const { selected, findings, doubt } = believed;
      for (const finding of findings) this.findings.push(finding);
      if (doubt !== undefined) log.warn(doubt);
      this.#onSelection?.(this.#image, selected);
      const tags = selected.chosen.map(({ tag }) => tag);
      this.#signatures.spare(listed, tags);
      return { tags, before: believed.items };
    } catch (error) {
      const outcome = this.#failure(error);
      return { tags: explicit, before: [{ repository, reference: undefined, outcome }] };
    } finally {
      if (rules !== undefined) this.#users?.endSelection(source);
    }
  }

  async #outcomeOf(mirror: () => Promise<Outcome>): Promise<Outcome> {
    try {
      this.#environment.signal.throwIfAborted();
      return await mirror();
    } catch (error) {
      return this.#failure(error);
    }
  }

  #failure(error: unknown): Outcome {
    return outcomeOf(error, this.#environment.signal);
  }

  #mirrorTag(tag: Tag): Promise<Outcome> {
    const known = this.#state.tag(tag);
    return known === undefined ? this.#inTurn(() => this.#look(tag, undefined)) : this.#look(tag, known);
  }

  /** What asks for manifests, where an upstream counts them, waits for others that do. */
  #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const { upstream } = this.#image.source;
    return upstream === undefined ? task() : upstream.inTurn(task);
  }

  async #look(tag: Tag, known: TagEntry | undefined): Promise<Outcome> {
    const { source, repository } = this.#image;
    const stood = known ?? (await findTag(this.#environment, repository, tag));
    // A HEAD costs no quota; a tag that is new will be fetched anyway, so that one GET does for both.
    const resolved: Resolved | undefined =
      stood === undefined ? await resolveByManifest(source, tag) : await source.resolve(tag);
    if (resolved === undefined) {
      if (stood === undefined) throw new SourceError(`${source.name} has no tag "${tag}".`);
      const entry = known ?? toTagEntry(tag, stood, currentTargetOf(this.#state, tag, stood));
      return noteGone(this.#state, entry, this.#now());
    }
    this.#seen = resolved.digest;
    if (known !== undefined && known.digest === resolved.digest) return this.#keep(known);
    const move = (): Promise<Outcome> => this.#move(tag, resolved, stood);
    // A tag that is new has its turn already.
    return known === undefined ? move() : this.#inTurn(move);
  }

  /** Nothing new but, from time to time, new signatures: they arrive after their image. And platforms wanted since. */
  async #keep(known: TagEntry): Promise<Outcome> {
    const { digest, tag } = known;
    const seen = observe(digest, known, this.#state.candidates(tag), this.#environment.clock.now());
    const fresh = await this.#refresh(known, (task) => this.#inTurn(task));
    if (fresh !== known || !isSameSighting(seen, known) || known.gone !== undefined) {
      const { returned, sightings } = seen;
      await this.#state.note({ ...fresh, returned, sightings, gone: undefined });
    }
    return { result: 'unchanged', digest };
  }

  /** Whether nothing has to be asked of upstream for what is stored. */
  #isSettled(known: ReferrerTimes & Recorded): boolean {
    return !this.#referrersAreDue(known) && this.#sparse.isWhole(known);
  }

  /**
   * Looks at what belongs to a tag that stays, if that is due.
   * @param inTurn what fetching children waits for
   * @returns what to note of it; the entry itself where nothing was due
   */
  async #refresh(
    known: TagEntry,
    inTurn: (task: () => Promise<Stored>) => Promise<Stored>,
  ): Promise<TagEntry> {
    if (this.#isSettled(known)) return known;
    const store = (): Promise<Stored> => this.#store({ digest: known.digest }, this.#image.source, known);
    const { stored, platforms, referrersChecked } = await (this.#sparse.isWhole(known)
      ? store()
      : inTurn(store));
    if (!isSameRecord(platforms, known.platforms)) await this.#recordPlatforms(known, stored, platforms);
    return { ...known, platforms, referrersChecked };
  }

  /** The tag stays where it is, and whatever holds it. @throws {SourceError} */
  async #recordPlatforms(known: TagEntry, stored: StoredManifest, platforms: Platforms): Promise<void> {
    const { repository } = this.#image;
    const { tag, digest, hold } = known;
    const move = { expected: digest, why: 'other platforms', keepsHold: true, hold, platforms };
    const outcome = await publishTag(this.#environment, repository, tag, stored, move);
    if (outcome !== 'conflict') return;
    // The index is wrong about the tag: the next run has to ask the tag itself.
    await this.#state.question(tag);
    throw new SourceError(
      `${repository}:${tag} is not at the digest where this run expected it. The next run looks at it again.`,
    );
  }

  /** @param stood where the tag was before upstream was asked; undefined where there was none */
  async #move(tag: Tag, first: Resolved, stood: PriorTag | undefined): Promise<Outcome> {
    const { source, repository } = this.#image;
    const known = findCandidate(this.#state, tag, first.digest);
    const outcome = await this.#mover.decide(tag, first, stood);
    if (outcome !== 'conflict') return outcome;
    const seen = findCandidate(this.#state, tag, first.digest);
    // It was seen before the other run did what it did, and so cannot be compared with that.
    if (known === undefined && seen !== undefined) this.#state.forget(seen);
    // Somebody else moved or held it, or the index lagged behind it: what the tag and upstream say now is decided on.
    const stands = await findTag(this.#environment, repository, tag);
    const now = await source.resolve(tag);
    const second = now === undefined ? 'conflict' : await this.#mover.decide(tag, now, stands);
    if (second !== 'conflict') return second;
    throw new SourceError(
      `${repository}:${tag} was moved by another run while this run tried to move it. The next run looks at it again.`,
    );
  }

  async #publish(
    tag: Tag,
    { stored, platforms, referrersChecked }: Stored,
    { ours, place: { firstSeen, returned, sightings }, why, ready }: MoveTarget,
  ): Promise<Outcome | 'conflict'> {
    const hold = ours?.digest === stored.digest ? ours.hold : undefined;
    const outcome = await publishTag(this.#environment, this.#image.repository, tag, stored, {
      expected: ours?.digest,
      keepsHold: true,
      hold,
      platforms,
      ...(why !== undefined && { why }),
      ...(ready !== undefined && { ready }),
    });
    if (outcome === 'conflict') return outcome;
    await this.#state.note({
      kind: 'tag',
      tag,
      mediaType: stored.manifest.mediaType,
      digest: stored.digest,
      size: stored.size,
      firstSeen,
      returned,
      sightings,
      referrersChecked,
      hold,
      platforms,
    });
    forgetSurplus(this.#state, tag, { digest: stored.digest, firstSeen, returned, sightings });
    return outcome;
  }

  async #mirrorPin(digest: Digest): Promise<Outcome> {
    const known = this.#state.pin(digest);
    if (known !== undefined && !this.#referrersAreDue(known) && this.#sparse.isWhole(known)) {
      return { result: 'unchanged', digest };
    }
    const { source } = this.#image;
    // What is stored need not be shown, or be there, any more: only what is fetched is asked about.
    const { stored, platforms, referrersChecked } = await (known === undefined
      ? this.#copy({ digest }, source)
      : this.#store({ digest }, source, known));
    // Another image of this repository may have pinned it meanwhile, for more platforms.
    const noted = this.#state.pin(digest);
    await this.#state.note({
      kind: 'pin',
      mediaType: stored.manifest.mediaType,
      digest,
      size: stored.size,
      firstSeen: known?.firstSeen ?? this.#now(),
      referrersChecked,
      platforms: noted === undefined ? platforms : joinPlatforms(noted.platforms, platforms),
    });
    return known === undefined ? { result: 'created', digest } : { result: 'unchanged', digest };
  }

  /** @param known what is noted of this very digest */
  async #copy(resolved: Resolved, source: Source, known?: Recorded): Promise<Stored> {
    await this.#refusePrivate(resolved.digest);
    return this.#store(resolved, source, known);
  }

  /** @param checked when its referrers were asked for, where that is not due again */
  async #store(
    { digest, manifest }: Resolved,
    source: Source,
    known?: Recorded,
    checked?: string,
  ): Promise<Stored> {
    const wanted = this.#sparse.wanted(known);
    const stored = await this.#manifests.ensure(digest, source, manifest, undefined, wanted);
    const ask = this.#image.referrersEvery !== false && checked === undefined;
    const { digests, excess } = await this.#referrers.ensure(stored, source, ask);
    const tagged = ask ? await this.#signatures.ensure(stored, digests, source) : undefined;
    this.#reportExcess(digest, excess ?? tagged);
    return {
      stored,
      platforms: this.#sparse.record(stored, wanted),
      referrersChecked: ask ? this.#now() : checked,
    };
  }

  /** Once, however many tags the image has. */
  #reportExcess(digest: Digest, excess: string | undefined): void {
    if (excess === undefined || this.#excessive.has(digest)) return;
    this.#excessive.add(digest);
    const { repository, source } = this.#image;
    this.findings.push(referrersFinding(repository, source.name, digest, excess));
  }

  /**
   * Asked until it is answered, and only when there is something to copy: visibility is a repository's, not a tag's.
   * @throws {SourceError}
   */
  async #refusePrivate(digest: Digest): Promise<void> {
    const { mustBePublic, source } = this.#image;
    if (!mustBePublic || (await this.#isShown(digest))) return;
    throw new SourceError(
      `${source.name} is not shown to anonymous callers, but everybody may read this bucket. If the image may be public, say "public: true" at the image; otherwise use a bucket whose audience is "token".`,
    );
  }

  /** One question at a time; where one fails, because what it is about is gone, the next is somebody else's own. */
  async #isShown(digest: Digest): Promise<boolean> {
    for (;;) {
      let isOwn = false;
      try {
        return await this.#shown.get('upstream', () => {
          isOwn = true;
          return this.#image.source.isPublic(digest);
        });
      } catch (error) {
        if (isOwn) throw error;
      }
    }
  }

  #referrersAreDue(times: ReferrerTimes): boolean {
    return referrersAreDue(times, this.#image.referrersEvery, this.#environment.clock.now());
  }

  #now(): string {
    return this.#environment.clock.now().toISOString();
  }
}
