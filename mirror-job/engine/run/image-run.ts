/** Mirrors one image of the configuration: selects its tags, then looks at each tag and each digest. */
import type { Digest } from '../../../core/digest.ts';
import type { Tag } from '../../../core/reference.ts';
import type { TagEntry } from '../../../core/repository-index.ts';
import type { BlobWriter } from '../copy/blob-copy.ts';
import type { Environment } from '../environment.ts';
import type { Image } from '../image.ts';
import type { FairShare } from '../support/fair-share.ts';
import { limitFor } from '../support/limit.ts';
import { applyListing, checkExplicitTags, noteGone } from '../tags/listed-tags.ts';
import { joinPlatforms } from '../selection/platform.ts';
import { ImageCopier } from '../tags/image-copier.ts';
import { findTag } from '../tags/publish.ts';
import { type Finding, type ItemReport, type Outcome, outcomeOf } from '../report.ts';
import type { RepositoryState } from '../tags/repository-state.ts';
import type { MemoryBudget } from '../support/memory-budget.ts';
import type { SelectionResult } from '../selection/selection.ts';
import type { SourceUsers } from './source-users.ts';
import { SourceError, resolveByManifest, type Resolved, partyOf } from '../source.ts';
import { currentTargetOf, toTagEntry } from '../tags/tag-memory.ts';
import { TagMover } from '../tags/tag-mover.ts';
import { isSameSighting, observe } from '../tags/tag-policy.ts';
import { TagWriter } from '../tags/tag-writer.ts';
import { VisibilityCheck } from '../tags/visibility-check.ts';

/** The parts that an image shares with the other images of its run. */
export interface RunHooks {
  readonly blobs: BlobWriter;
  /** The memory that the copiers of manifests share. */
  readonly memoryBudget: Pick<MemoryBudget, 'keep'>;
  /** Hears when the image has selected its tags. */
  readonly users?: Pick<SourceUsers, 'endSelection'>;
  /** Hears which tags are mirrored, and why. */
  readonly onSelection?: (image: Image, selection: SelectionResult) => void;
}

export class ImageRun {
  /** The list is complete once `run` is done. */
  readonly findings: Finding[] = [];
  readonly #environment: Environment;
  readonly #image: Image;
  readonly #state: RepositoryState;
  readonly #visibility: VisibilityCheck;
  readonly #copier: ImageCopier;
  readonly #writer: TagWriter;
  readonly #mover: TagMover;
  readonly #onSelection: RunHooks['onSelection'];
  readonly #users: RunHooks['users'];

  constructor(environment: Environment, image: Image, state: RepositoryState, hooks: RunHooks) {
    this.#environment = environment;
    this.#image = image;
    this.#state = state;
    this.#onSelection = hooks.onSelection;
    this.#users = hooks.users;
    const { blobs, memoryBudget } = hooks;
    const { findings } = this;
    const visibility = new VisibilityCheck(image);
    const copier = new ImageCopier({ environment, image, state, visibility, blobs, memoryBudget, findings });
    const writer = new TagWriter(environment, image, state, copier);
    this.#visibility = visibility;
    this.#copier = copier;
    this.#writer = writer;
    this.#mover = new TagMover({ environment, image, state, copier, writer, findings });
  }

  /** Never throws: a failure of one tag is that tag's outcome, and its siblings go on. */
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
    tally.add('planned', work.length);
    const items = await Promise.all(
      work.map(([reference, mirror]) =>
        limit(async () => {
          const outcome = await this.#outcomeOf(mirror);
          tally.add('finished');
          return { repository, reference, outcome };
        }),
      ),
    );
    const gone = items.flatMap(({ reference, outcome }) => (outcome.result === 'gone' ? [reference] : []));
    const named = checkExplicitTags(this.#image, this.#state, new Set(gone), this.#environment.clock.now());
    for (const finding of named) this.findings.push(finding);
    return [...before, ...items];
  }

  /**
   * A list that fails, or is not believed, does not stop explicit tags, because they need no list.
   * @returns the tags to look at, and the outcomes that the list alone has decided
   */
  async #selectTags(): Promise<{ readonly tags: readonly Tag[]; readonly before: readonly ItemReport[] }> {
    const { source, repository } = this.#image;
    const { explicit, rules } = this.#image.tags;
    try {
      const listed = rules === undefined ? undefined : await source.tags();
      const { clock, log } = this.#environment;
      const listing = await applyListing(this.#image, this.#state, listed ?? [], clock.now());
      const { selection, findings, warning } = listing;
      for (const finding of findings) this.findings.push(finding);
      if (warning !== undefined) log.warn(warning);
      this.#onSelection?.(this.#image, selection);
      const tags = selection.selected.map(({ tag }) => tag);
      this.#copier.spareSignatureTags(listed, tags);
      return { tags, before: listing.items };
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
    const record = this.#state.tag(tag);
    return record === undefined ? this.#inTurn(() => this.#look(tag, undefined)) : this.#look(tag, record);
  }

  /** Runs a task that requests manifests in its turn, if the upstream counts such requests. */
  #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const { upstream } = this.#image.source;
    return upstream === undefined ? task() : upstream.inTurn(task);
  }

  async #look(tag: Tag, record: TagEntry | undefined): Promise<Outcome> {
    const { source, repository } = this.#image;
    const prior = record ?? (await findTag(this.#environment, repository, tag));
    // A HEAD costs no quota. A new tag is fetched anyway, so one GET resolves it and brings its manifest.
    const resolved: Resolved | undefined =
      prior === undefined ? await resolveByManifest(source, tag) : await source.resolve(tag);
    if (resolved === undefined) {
      if (prior === undefined) throw new SourceError(`${source.name} has no tag "${tag}".`);
      const entry = record ?? toTagEntry(tag, prior, currentTargetOf(this.#state, tag, prior));
      return noteGone(this.#state, entry, this.#now());
    }
    this.#visibility.noteLatest(resolved.digest);
    if (record !== undefined && record.digest === resolved.digest) return this.#keep(record);
    const move = (): Promise<Outcome> => this.#mover.follow(tag, { ...resolved, tag }, prior);
    // A new tag has its turn already.
    return record === undefined ? move() : this.#inTurn(move);
  }

  /** The tag has not moved, so only new signatures, which arrive after their image, and further platforms are looked for. */
  async #keep(record: TagEntry): Promise<Outcome> {
    const { digest, tag } = record;
    const seen = observe(digest, record, this.#state.candidates(tag), this.#environment.clock.now());
    const fresh = await this.#writer.refresh(record, false);
    if (fresh !== record || !isSameSighting(seen, record) || record.gone !== undefined) {
      const { returned, sightings } = seen;
      await this.#state.note({ ...fresh, returned, sightings, gone: undefined });
    }
    return { result: 'unchanged', digest };
  }

  async #mirrorPin(digest: Digest): Promise<Outcome> {
    const record = this.#state.pin(digest);
    if (record !== undefined && this.#copier.isUpToDate(record)) {
      return { result: 'unchanged', digest };
    }
    // Only a new image has to be public and to be there: one that is stored need not be so any more.
    const { root, platforms, referrersChecked } = await (record === undefined
      ? this.#copier.copy({ digest })
      : this.#copier.store({ digest }, record));
    // Another image of this repository may have pinned it meanwhile, for more platforms.
    const current = this.#state.pin(digest);
    await this.#state.note({
      kind: 'pin',
      mediaType: root.manifest.mediaType,
      digest,
      size: root.size,
      firstSeen: record?.firstSeen ?? this.#now(),
      referrersChecked,
      platforms: current === undefined ? platforms : joinPlatforms(current.platforms, platforms),
    });
    return record === undefined ? { result: 'created', digest } : { result: 'unchanged', digest };
  }

  #now(): string {
    return this.#environment.clock.now().toISOString();
  }
}
