/** One image of the configuration: which tags there are, what is new, copied, published and noted. */
import type { Digest } from '../../core/digest.ts';
import type { Tag } from '../../core/reference.ts';
import type { TagEntry } from '../../core/repository-index.ts';
import type { BlobWriter } from './blob-copy.ts';
import type { Environment } from './environment.ts';
import type { Image } from './image.ts';
import type { Limit } from './limit.ts';
import { ManifestCopier, type StoredManifest } from './manifest-copy.ts';
import { Memo } from './memo.ts';
import { joinPlatforms, type Platforms } from './platform.ts';
import { findTag, publishTag } from './publish.ts';
import { ReferrerCopier } from './referrer-copy.ts';
import { referrersAreDue, type ReferrerTimes } from './referrer-schedule.ts';
import type { ItemReport, Outcome } from './report.ts';
import type { RepositoryState } from './repository-state.ts';
import type { Retention } from './retention.ts';
import { selectTags, type Selected } from './selection.ts';
import { SignatureTags } from './signature-tags.ts';
import { outcomeOf } from './skipped-error.ts';
import { SourceError, type Resolved, type Source } from './source.ts';
import { SparseImages, isSameRecord, type Recorded } from './sparse-images.ts';

/** What a dry run does in another way. */
export interface ImageWork {
  readonly blobs: BlobWriter;
  /** What copies of manifests remember together; left out: as much for each image. */
  readonly retention?: Retention;
  /** Told which tags are mirrored, and why. */
  readonly onSelection?: (image: Image, selected: Selected) => void;
}

/** What was stored, and for which platforms. */
interface Stored {
  readonly stored: StoredManifest;
  readonly platforms: Platforms;
}

export class ImageRun {
  readonly #environment: Environment;
  readonly #image: Image;
  readonly #state: RepositoryState;
  readonly #manifests: ManifestCopier;
  readonly #referrers: ReferrerCopier;
  readonly #signatures: SignatureTags;
  readonly #sparse: SparseImages;
  readonly #onSelection: ImageWork['onSelection'];
  readonly #shown = new Memo<'upstream', boolean>();
  /** What upstream was seen to have last: its visibility is asked by that. */
  #seen: Digest | undefined;

  constructor(environment: Environment, image: Image, state: RepositoryState, work: ImageWork) {
    this.#environment = environment;
    this.#image = image;
    this.#state = state;
    this.#onSelection = work.onSelection;
    const admit = (digest: Digest): Promise<void> => this.#refusePrivate(this.#seen ?? digest);
    this.#manifests = new ManifestCopier(environment, image.repository, work.blobs, admit, work.retention);
    this.#referrers = new ReferrerCopier(environment, image.repository, this.#manifests);
    this.#signatures = new SignatureTags({
      environment,
      repository: image.repository,
      state,
      manifests: this.#manifests,
      referrers: this.#referrers,
    });
    this.#sparse = new SparseImages(environment, image);
  }

  /** Never throws: whatever goes wrong with one tag is that tag's outcome, and its siblings go on. */
  async run(limit: Limit): Promise<readonly ItemReport[]> {
    const { tally } = this.#environment;
    const { repository, digests } = this.#image;
    const { tags, failures } = await this.#selectTags();
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
    return [...failures.map((outcome) => ({ repository, reference: undefined, outcome })), ...items];
  }

  /** A list that cannot be had, or believed, takes nothing from what is named: that needs no list. */
  async #selectTags(): Promise<{ readonly tags: readonly Tag[]; readonly failures: readonly Outcome[] }> {
    const { tags: selection, source, digests } = this.#image;
    const { explicit, rules } = selection;
    try {
      const listed = rules === undefined ? [] : await source.tags();
      const selected = selectTags(selection, listed);
      this.#onSelection?.(this.#image, selected);
      const { chosen, count, isShort } = selected;
      const tags = chosen.map(({ tag }) => tag);
      this.#signatures.spare(rules === undefined ? undefined : listed, tags);
      if (rules === undefined) return { tags, failures: [] };
      const list = `${source.name} lists ${countTags(listed.length)}, of which ${count} ${count === 1 ? 'is' : 'are'} selected`;
      if (isShort) {
        const error = `${list}, and minTags is ${rules.minTags}: none of them was looked at. If upstream has really so few now, lower minTags; "lifeboat plan --all" shows what becomes of each tag.`;
        return { tags, failures: [{ result: 'failed', error }] };
      }
      if (tags.length + digests.length === 0) {
        this.#environment.log.warn(
          `${list}: nothing is mirrored. "lifeboat plan --all" shows what becomes of each tag.`,
        );
      }
      return { tags, failures: [] };
    } catch (error) {
      return { tags: explicit, failures: [this.#failure(error)] };
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
      known === undefined ? await resolveByManifest(source, tag) : await source.resolve(tag);
    if (resolved === undefined) {
      throw new SourceError(
        known === undefined
          ? `${source.name} has no tag "${tag}".`
          : `${source.name} has no tag "${tag}" any more. What is mirrored stays.`,
      );
    }
    this.#seen = resolved.digest;
    if (known !== undefined && known.digest === resolved.digest) return this.#keep(known, source);
    const move = (): Promise<Outcome> => this.#move(tag, resolved, known, stood?.digest);
    // A tag that is new has its turn already.
    return known === undefined ? move() : this.#inTurn(move);
  }

  /** Nothing new but, from time to time, new signatures: they arrive after their image. And platforms wanted since. */
  async #keep(known: TagEntry, source: Source): Promise<Outcome> {
    const { digest } = known;
    if (!this.#referrersAreDue(known) && this.#sparse.isWhole(known)) return { result: 'unchanged', digest };
    const store = (): Promise<Stored> => this.#store({ digest }, source, known);
    const { stored, platforms } = await (this.#sparse.isWhole(known) ? store() : this.#inTurn(store));
    if (!isSameRecord(platforms, known.platforms)) await this.#recordPlatforms(known, stored, platforms);
    await this.#state.note({ ...known, platforms, referrersChecked: this.#referrersChecked() });
    return { result: 'unchanged', digest };
  }

  /** The tag stays where it is, and whatever holds it. @throws {SourceError} */
  async #recordPlatforms(known: TagEntry, stored: StoredManifest, platforms: Platforms): Promise<void> {
    const { repository } = this.#image;
    const { tag, digest, hold } = known;
    const move = { expected: digest, why: 'other platforms', hold, platforms };
    const outcome = await publishTag(this.#environment, repository, tag, stored, move);
    if (outcome !== 'conflict') return;
    // The index is wrong about the tag: the next run has to ask the tag itself.
    await this.#state.question(tag);
    throw new SourceError(
      `${repository}:${tag} is not where this run took it to be. The next run looks at it again.`,
    );
  }

  /** @param stood where the tag was before upstream was asked; undefined where there was none */
  async #move(
    tag: Tag,
    first: Resolved,
    known: TagEntry | undefined,
    stood: Digest | undefined,
  ): Promise<Outcome> {
    const { source, repository } = this.#image;
    const outcome = await this.#publish(tag, first, known, stood);
    if (outcome !== 'conflict') return outcome;
    // Somebody else moved it, or the index lagged behind it: what the tag and upstream say now is decided on.
    const stands = await findTag(this.#environment, repository, tag);
    const now = await resolveByManifest(source, tag);
    const second = now === undefined ? 'conflict' : await this.#publish(tag, now, known, stands?.digest);
    if (second !== 'conflict') return second;
    throw new SourceError(
      `${repository}:${tag} was moved by another run while this one tried to. The next run looks at it again.`,
    );
  }

  async #publish(
    tag: Tag,
    resolved: Resolved,
    known: TagEntry | undefined,
    expected: Digest | undefined,
  ): Promise<Outcome | 'conflict'> {
    const { stored, platforms } = await this.#copy(
      resolved,
      this.#image.source,
      known?.digest === resolved.digest ? known : undefined,
    );
    if (known !== undefined && known.digest !== stored.digest) await this.#state.question(tag);
    const outcome = await publishTag(this.#environment, this.#image.repository, tag, stored, {
      expected,
      platforms,
    });
    if (outcome === 'conflict') return outcome;
    await this.#state.note({
      kind: 'tag',
      tag,
      mediaType: stored.manifest.mediaType,
      digest: stored.digest,
      size: stored.size,
      firstSeen: known?.digest === stored.digest ? known.firstSeen : this.#now(),
      referrersChecked: this.#referrersChecked(),
      platforms,
    });
    return outcome;
  }

  async #mirrorPin(digest: Digest): Promise<Outcome> {
    const known = this.#state.pin(digest);
    if (known !== undefined && !this.#referrersAreDue(known) && this.#sparse.isWhole(known)) {
      return { result: 'unchanged', digest };
    }
    const { stored, platforms } = await this.#copy({ digest }, this.#image.source, known);
    // Another image of this repository may have pinned it meanwhile, for more platforms.
    const noted = this.#state.pin(digest);
    await this.#state.note({
      kind: 'pin',
      mediaType: stored.manifest.mediaType,
      digest,
      size: stored.size,
      firstSeen: known?.firstSeen ?? this.#now(),
      referrersChecked: this.#referrersChecked(),
      platforms: noted === undefined ? platforms : joinPlatforms(noted.platforms, platforms),
    });
    return known === undefined ? { result: 'created', digest } : { result: 'unchanged', digest };
  }

  /** @param known what is noted of this very digest */
  async #copy(resolved: Resolved, source: Source, known?: Recorded): Promise<Stored> {
    await this.#refusePrivate(resolved.digest);
    return this.#store(resolved, source, known);
  }

  async #store({ digest, manifest }: Resolved, source: Source, known?: Recorded): Promise<Stored> {
    const wanted = this.#sparse.wanted(known);
    const stored = await this.#manifests.ensure(digest, source, manifest, undefined, wanted);
    const ask = this.#image.referrersEvery !== false;
    await this.#referrers.ensure(stored, source, ask);
    if (ask) await this.#signatures.ensure(stored, source);
    return { stored, platforms: this.#sparse.record(stored, wanted) };
  }

  /**
   * Asked until it is answered, and only when there is something to copy: visibility is a repository's, not a tag's.
   * @throws {SourceError}
   */
  async #refusePrivate(reference: Tag | Digest): Promise<void> {
    const { mustBePublic, source } = this.#image;
    if (!mustBePublic || (await this.#shown.get('upstream', () => source.isPublic(reference)))) return;
    throw new SourceError(
      `${source.name} is not shown to anonymous callers, and everybody may read this bucket. If it may be public, say "public: true" at the image; else use a bucket whose audience is "token".`,
    );
  }

  #referrersAreDue(times: ReferrerTimes): boolean {
    return referrersAreDue(times, this.#image.referrersEvery, this.#environment.clock.now());
  }

  #referrersChecked(): string | undefined {
    return this.#image.referrersEvery === false ? undefined : this.#now();
  }

  #now(): string {
    return this.#environment.clock.now().toISOString();
  }
}

function countTags(count: number): string {
  return count === 1 ? '1 tag' : `${count} tags`;
}

async function resolveByManifest(source: Source, reference: Tag | Digest): Promise<Resolved | undefined> {
  const manifest = await source.manifest(reference);
  return manifest === undefined ? undefined : { digest: manifest.digest, manifest };
}
