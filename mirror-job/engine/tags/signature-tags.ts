/**
 * Signature tags belong to an image by their name: cosign's older ones, `sha256-<hex>.sig`, `.att` and `.sbom`, and the
 * list of referrers `sha256-<hex>`. They are mirrored beside the image as tags of their own. They follow upstream whatever
 * the image's tags do, because another signature is added by moving them. Only a hold that somebody has set stops them.
 * https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
 */
import type { Digest } from '../../../core/digest.ts';
import { isTag, type Repository, type Tag } from '../../../core/reference.ts';
import { isReferrerTag, referrersTag } from '../../../core/tag-list.ts';
import type { Environment } from '../environment.ts';
import { createLimit } from '../support/limit.ts';
import type { ManifestCopier } from '../copy/manifest-copy.ts';
import type { StoredManifest, StoredPart } from '../copy/stored-manifest.ts';
import { AsyncCache } from '../support/async-cache.ts';
import { findTag, publishTag } from './publish.ts';
import { AT_ONCE, MAX_REFERRERS, type ReferrerCopier } from '../copy/referrer-copy.ts';
import type { RepositoryState } from './repository-state.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import { SourceError, resolveByManifest, type Resolved, type Source } from '../source.ts';
import { toTagEntry, currentTargetOf, type PriorTag } from './tag-memory.ts';

const SUFFIXES = ['sig', 'att', 'sbom'];

/** @returns none for sha512, which has too many digits for a tag */
export function signatureTagsOf(digest: Digest): Tag[] {
  return SUFFIXES.map((suffix) => `${digest.replace(':', '-')}.${suffix}`).filter((tag) => isTag(tag));
}

export interface SignatureTagsOptions {
  readonly environment: Environment;
  readonly repository: Repository;
  readonly state: RepositoryState;
  readonly manifests: ManifestCopier;
  readonly referrers: ReferrerCopier;
}

export class SignatureTags {
  readonly #options: SignatureTagsOptions;
  readonly #mirrored = new AsyncCache<Tag, void>();
  /** The listed signature tags, by the text before their first dot; undefined if no list tells. */
  #listed: ReadonlyMap<string, readonly Tag[]> | undefined;
  /** Tags that the image mirrors as tags of its own. */
  #selected: ReadonlySet<Tag> = new Set();

  constructor(options: SignatureTagsOptions) {
    this.#options = options;
  }

  /**
   * Spares requests for tags that are missing in a list. A list without any signature tag proves nothing, because some
   * registries leave them out.
   * @param listed all tags of the source; undefined if it was not listed
   * @param selected the tags that are mirrored as tags of the image anyway
   */
  spare(listed: readonly Tag[] | undefined, selected: readonly Tag[]): void {
    const shown = listed?.filter((tag) => isReferrerTag(tag)) ?? [];
    this.#listed = shown.length === 0 ? undefined : Map.groupBy(shown, (tag) => tag.split('.', 1).join());
    this.#selected = new Set(selected);
  }

  /**
   * Mirrors the signature tags of an image and of all manifests below it and, if a list has them, of their referrers.
   * @param digests the image, all manifests below it, and their referrers
   * @returns the bound that their number exceeds, or undefined; as many as the bound allows are mirrored
   * @throws {SourceError} naming the tag that failed
   * @throws {StoreError}
   */
  async ensure(
    image: StoredManifest,
    digests: Iterable<Digest>,
    source: Source,
  ): Promise<string | undefined> {
    const listed = this.#listed;
    const names =
      listed === undefined
        ? digestsOf(image).flatMap((digest) => signatureTagsOf(digest))
        : [...digests].flatMap((digest) => listed.get(referrersTag(digest)) ?? []);
    const tags = [...new Set(names)].filter((tag) => !this.#selected.has(tag));
    const own = new Set(digestsOf(image));
    // A list may name any number of tags after one image. Guesses are three per manifest.
    const maxTags = listed === undefined ? Infinity : MAX_REFERRERS;
    const atOnce = createLimit(AT_ONCE);
    await allOrThrow(
      tags
        .slice(0, maxTags)
        .map((tag) => atOnce(() => this.#mirrored.get(tag, () => this.#mirrorNamed(tag, own, source)))),
    );
    return tags.length > maxTags ? `more than ${maxTags} tags that are named after it` : undefined;
  }

  async #mirrorNamed(tag: Tag, own: ReadonlySet<Digest>, source: Source): Promise<void> {
    try {
      await this.#mirror(tag, own, source);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      throw new SourceError(`The signature tag "${tag}": ${error.message}`, { cause: error });
    }
  }

  /** @param own the image and all manifests below it. A registry that answers a guess with one of these has no such tag */
  async #mirror(tag: Tag, own: ReadonlySet<Digest>, source: Source): Promise<void> {
    const { environment, repository, state } = this.#options;
    environment.signal.throwIfAborted();
    const entry = state.tag(tag);
    // Most images have no signature tags, and a HEAD tells that without costing quota.
    const isGuessed = entry === undefined && this.#listed === undefined;
    if (isGuessed) {
      const guessed = await source.resolve(tag, true);
      if (guessed === undefined || own.has(guessed.digest)) return;
    }
    const prior = entry ?? (await findTag(environment, repository, tag));
    const first = entry === undefined ? await resolveByManifest(source, tag) : await source.resolve(tag);
    // A tag that upstream has deleted stays here, as any tag does.
    if (first === undefined || first.digest === entry?.digest) return;
    if (await this.#publish(tag, source, first, prior)) return;
    const current = await findTag(environment, repository, tag);
    const second = await resolveByManifest(source, tag);
    if (second === undefined || (await this.#publish(tag, source, second, current))) return;
    throw new SourceError(
      'another run moved the tag while this run tried to move it. The next run looks at it again.',
    );
  }

  /** @returns false if another run has moved or held the tag meanwhile */
  async #publish(
    tag: Tag,
    source: Source,
    { digest, manifest }: Resolved,
    prior: PriorTag | undefined,
  ): Promise<boolean> {
    const { environment, repository, state, manifests, referrers } = this.#options;
    const stored = await manifests.ensure(digest, source, manifest);
    await referrers.ensure(stored, source, false);
    // A tag that is held does not move. Upstream's manifest is stored all the same, so that it can be approved.
    const entry = state.tag(tag);
    if (prior?.hold !== undefined && prior.digest !== digest) {
      if (entry?.hold !== prior.hold)
        await state.note(toTagEntry(tag, prior, currentTargetOf(state, tag, prior)));
      return true;
    }
    if (entry !== undefined && entry.digest !== digest) await state.unlist(tag);
    const move = { expected: prior?.digest, keepsHold: true, hold: prior?.hold };
    if ((await publishTag(environment, repository, tag, stored, move)) === 'conflict') return false;
    const now = environment.clock.now().toISOString();
    await state.note({
      kind: 'tag',
      tag,
      mediaType: stored.manifest.mediaType,
      digest,
      size: stored.size,
      firstSeen: entry?.digest === digest ? entry.firstSeen : now,
      hold: prior?.hold,
    });
    return true;
  }
}

function digestsOf({ digest, children }: Pick<StoredPart, 'digest' | 'children'>): Digest[] {
  return [digest, ...children.flatMap((child) => digestsOf(child))];
}
