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

/** What an image shares with the others of its run. */
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
    const known = this.#state.tag(tag);
    return known === undefined ? this.#inTurn(() => this.#look(tag, undefined)) : this.#look(tag, known);
  }

  /** Runs a task that requests manifests in its turn, if the upstream counts such requests. */
  #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const { upstream } = this.#image.source;
    return upstream === undefined ? task() : upstream.inTurn(task);
  }

  async #look(tag: Tag, known: TagEntry | undefined): Promise<Outcome> {
    const { source, repository } = this.#image;
    const stood = known ?? (await findTag(this.#environment, repository, tag));
    // A HEAD costs no quota. A new tag is fetched anyway, so one GET resolves it and brings its manifest.
    const resolved: Resolved | undefined =
      stood === undefined ? await resolveByManifest(source, tag) : await source.resolve(tag);
    if (resolved === undefined) {
      if (stood === undefined) throw new SourceError(`${source.name} has no tag "${tag}".`);
      const entry = known ?? toTagEntry(tag, stood, currentTargetOf(this.#state, tag, stood));
      return noteGone(this.#state, entry, this.#now());
    }
    this.#visibility.noteLatest(resolved.digest);
    if (known !== undefined && known.digest === resolved.digest) return this.#keep(known);
    const move = (): Promise<Outcome> => this.#mover.follow(tag, resolved, stood);
    // A new tag has its turn already.
    return known === undefined ? move() : this.#inTurn(move);
  }

  /** The tag has not moved, so only new signatures, which arrive after their image, and further platforms are looked for. */
  async #keep(known: TagEntry): Promise<Outcome> {
    const { digest, tag } = known;
    const seen = observe(digest, known, this.#state.candidates(tag), this.#environment.clock.now());
    const fresh = await this.#writer.refresh(known, false);
    if (fresh !== known || !isSameSighting(seen, known) || known.gone !== undefined) {
      const { returned, sightings } = seen;
      await this.#state.note({ ...fresh, returned, sightings, gone: undefined });
    }
    return { result: 'unchanged', digest };
  }

  async #mirrorPin(digest: Digest): Promise<Outcome> {
    const known = this.#state.pin(digest);
    if (known !== undefined && this.#copier.isUpToDate(known)) {
      return { result: 'unchanged', digest };
    }
    // Only a new image has to be public and to be there: one that is stored need not be so any more.
    const { root, platforms, referrersChecked } = await (known === undefined
      ? this.#copier.copy({ digest })
      : this.#copier.store({ digest }, known));
    // Another image of this repository may have pinned it meanwhile, for more platforms.
    const current = this.#state.pin(digest);
    await this.#state.note({
      kind: 'pin',
      mediaType: root.manifest.mediaType,
      digest,
      size: root.size,
      firstSeen: known?.firstSeen ?? this.#now(),
      referrersChecked,
      platforms: current === undefined ? platforms : joinPlatforms(current.platforms, platforms),
    });
    return known === undefined ? { result: 'created', digest } : { result: 'unchanged', digest };
  }

  #now(): string {
    return this.#environment.clock.now().toISOString();
  }
}
