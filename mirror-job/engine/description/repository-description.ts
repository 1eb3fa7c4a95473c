/**
 * Describes a repository for the pages of the edge: reads what is new in it from the bucket, and writes the description. It
 * is derived from the bucket alone, so whatever a run could not read is read by the next one.
 */
import { descriptionKey } from '../../../core/layout.ts';
import type { RepositoryLine } from '../../../core/overview.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import {
  decodeDescription,
  encodeDescription,
  MAX_DESCRIBED_PINS,
  MAX_DESCRIBED_TAGS,
  type DescribedManifest,
  type DescribedTag,
  type RepositoryDescription,
} from '../../../core/repository-description.ts';
import type { TagEntry } from '../../../core/repository-index.ts';
import { isReferrerTag } from '../../../core/tag-list.ts';
import type { Environment } from '../environment.ts';
import { sortNewestFirst } from '../selection/selection-version.ts';
import { decodeOrWarn } from '../store/decode-object.ts';
import { LargeObjectError } from '../store/large-object-error.ts';
import type { Condition } from '../store/store.ts';
import type { RepositoryState } from '../tags/repository-state.ts';
import { findWaiting, waitingUpstream } from '../tags/tag-status.ts';
import { ManifestDescriber, isCurrent } from './manifest-description.ts';

/** The most tags and pins of a repository that one run describes anew, so that the first run after an upgrade has a bound. */
export const MAX_DESCRIBED_ANEW = 100;

export interface DescriptionOptions {
  /** The configuration's name. */
  readonly name: string;
  readonly repository: Repository;
  /** The index, which is written already. */
  readonly state: RepositoryState;
  /** Tags whose movements are read again although they have the digest that is described: a person has moved them. */
  readonly anew?: ReadonlySet<Tag>;
}

/**
 * Writes the description if the index does not say that it is complete. Never throws: a failure is a warning, and the next run
 * goes on. A run that has to stop reads no manifests: it only leaves out the tags that have moved, because an earlier digest
 * and its date would be wrong.
 * @returns the tag that moved last, if the run has looked
 */
export async function describeRepository(
  environment: Environment,
  options: DescriptionOptions,
): Promise<RepositoryLine['newest']> {
  const { name, repository, state } = options;
  const { signal, log } = environment;
  if (state.isEmpty || state.isDescribedFor(name)) return undefined;
  try {
    return await new Describer(environment, options).run();
  } catch (error) {
    if (!signal.aborted) {
      const message = error instanceof Error ? error.message : String(error);
      log.warn(`${message} The next run describes ${repository} for the edge's pages.`);
    }
    return undefined;
  }
}

class Describer {
  readonly #environment: Environment;
  readonly #options: DescriptionOptions;
  readonly #manifests: ManifestDescriber;
  /** How many more tags and pins may be described anew. */
  #left: number;
  /** Whether all that is to be described is, by now. */
  #isComplete = true;

  constructor(environment: Environment, options: DescriptionOptions) {
    this.#environment = environment;
    this.#options = options;
    this.#left = environment.signal.aborted ? 0 : MAX_DESCRIBED_ANEW;
    this.#manifests = new ManifestDescriber(environment, options.repository, options.state);
  }

  /** @throws {StoreError} */
  async run(): Promise<RepositoryLine['newest']> {
    const { name, repository, state } = this.#options;
    const { store, clock } = this.#environment;
    const key = descriptionKey(name, repository);
    const { earlier, condition } = await this.#read(key);
    for (const one of [...(earlier?.tags ?? []), ...(earlier?.pins ?? [])]) this.#manifests.learn(one);
    const tags = await this.#describeTags(earlier);
    const pins = await this.#describePins(earlier);
    const description: RepositoryDescription = {
      repository,
      written: clock.now().toISOString(),
      tags,
      tagCount: this.#tagEntries.length,
      pins,
    };
    const bytes = encodeDescription(description);
    const written = await store.put(key, bytes, { contentType: 'application/json', condition });
    // Another run has written it meanwhile, from an index that may be newer.
    if (written === 'written' && this.#isComplete) await state.markDescribed(name);
    const newest = tags.toSorted((one, other) => (one.moved > other.moved ? -1 : 1))[0];
    return newest === undefined ? undefined : { tag: newest.tag, moved: newest.moved };
  }

  async #read(
    key: string,
  ): Promise<{ readonly earlier: RepositoryDescription | undefined; readonly condition: Condition }> {
    const { store, log } = this.#environment;
    const anew = 'It is made anew.';
    try {
      const stored = await store.get(key);
      if (stored === undefined) return { earlier: undefined, condition: { ifNoneMatch: '*' } };
      const earlier = decodeOrWarn(log, anew, () => decodeDescription(key, stored.bytes));
      return { earlier, condition: { ifMatch: stored.etag } };
    } catch (error) {
      if (!(error instanceof LargeObjectError)) throw error;
      log.warn(`${error.fact} ${anew}`);
      return { earlier: undefined, condition: { ifMatch: error.etag } };
    }
  }

  get #tagEntries(): readonly TagEntry[] {
    return this.#options.state.tags.filter(({ tag }) => !isReferrerTag(tag));
  }

  async #describeTags(earlier: RepositoryDescription | undefined): Promise<DescribedTag[]> {
    const { state, anew } = this.#options;
    const known = new Map(earlier?.tags.map((one) => [one.tag, one]));
    const waiting = new Map(
      findWaiting(state.entries()).map((status) => [status.tag, waitingUpstream(status)]),
    );
    const entries = sortNewestFirst(this.#tagEntries).slice(0, MAX_DESCRIBED_TAGS);
    const described = await Promise.all(
      entries.map(async (entry) => {
        const before = known.get(entry.tag);
        const isKept = before !== undefined && isCurrent(before, entry) && anew?.has(entry.tag) !== true;
        const same = before?.digest === entry.digest ? before : undefined;
        const tag = isKept ? before : await this.#anew(same, () => this.#manifests.describeTag(entry));
        return tag === undefined ? [] : [withStatus(tag, entry, waiting.get(entry.tag))];
      }),
    );
    return described.flat();
  }

  async #describePins(earlier: RepositoryDescription | undefined): Promise<DescribedManifest[]> {
    const known = new Map(earlier?.pins.map((pin) => [pin.digest, pin]));
    const entries = this.#options.state.entries().filter((entry) => entry.kind === 'pin');
    const pins = entries.toSorted((one, other) => (one.firstSeen > other.firstSeen ? -1 : 1));
    const described = await Promise.all(
      pins.slice(0, MAX_DESCRIBED_PINS).map(async (entry) => {
        const before = known.get(entry.digest);
        if (before !== undefined && isCurrent(before, entry)) return before;
        return this.#anew(before, () => this.#manifests.describePin(entry));
      }),
    );
    return described.filter((pin) => pin !== undefined);
  }

  /**
   * @param before the earlier description of the same digest, which stays if no more may be described
   * @returns undefined if there is none, or if the manifest is not there
   */
  async #anew<Described extends DescribedManifest>(
    before: Described | undefined,
    describe: () => Promise<Described | undefined>,
  ): Promise<Described | undefined> {
    this.#left -= 1;
    if (this.#left < 0) {
      this.#isComplete = false;
      return before;
    }
    const described = await describe();
    if (described === undefined) this.#isComplete = false;
    return described;
  }
}

/** Adds what the index alone tells, and what changes without the tag. */
function withStatus(
  { gone: _gone, upstream: _upstream, ...tag }: DescribedTag,
  { gone, firstSeen }: TagEntry,
  upstream: ReturnType<typeof waitingUpstream>,
): DescribedTag {
  return {
    ...tag,
    firstSeen,
    ...(upstream !== undefined && {
      upstream: { digest: upstream.digest, firstSeen: upstream.firstSeen },
    }),
    ...(gone !== undefined && { gone }),
  };
}
