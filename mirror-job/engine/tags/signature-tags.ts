/**
 * Tags that belong to an image by their name: cosign's older ones, `sha256-<hex>.sig`, `.att` and `.sbom`, and the list of
 * referrers `sha256-<hex>`. They are mirrored beside the image as tags of their own, which follow upstream whatever the
 * image's tags do: another signature is added by moving them. Only a hold that somebody has set stops one.
 * https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
 */
import type { Digest } from '../../../core/digest.ts';
import { isTag, type Repository, type Tag } from '../../../core/reference.ts';
import { isReferrerTag, referrersTag } from '../../../core/tag-list.ts';
import type { Environment } from '../environment.ts';
import { createLimit } from '../support/limit.ts';
import type { ManifestCopier, StoredManifest, StoredPart } from '../copy/manifest-copy.ts';
import { SingleFlight } from '../support/single-flight.ts';
import { findTag, publishTag } from './publish.ts';
import { AT_ONCE, MAX_REFERRERS, type ReferrerCopier } from '../copy/referrer-copy.ts';
import type { RepositoryState } from './repository-state.ts';
import { allOrThrow } from '../support/all-or-throw.ts';
import { SourceError, resolveByManifest, type Resolved, type Source } from '../source.ts';
import { entryOf, standingOf, type Stood } from './tag-memory.ts';

const SUFFIXES = ['sig', 'att', 'sbom'];

/** None for sha512: its digits are too many for a tag. */
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
  readonly #mirrored = new SingleFlight<Tag, void>();
  /** The listed tags, by the text that they begin with; undefined when no list tells. */
  #listed: ReadonlyMap<string, readonly Tag[]> | undefined;
  #others: ReadonlySet<Tag> = new Set();

  constructor(options: SignatureTagsOptions) {
    this.#options = options;
  }

  /**
   * Spares requests for tags that a list shows to be missing. A list without any such tag proves nothing, because some
   * registries leave them out.
   * @param listed all tags of the source; undefined when it was not listed
   * @param selected the tags that are mirrored as tags of the image anyway
   */
  spare(listed: readonly Tag[] | undefined, selected: readonly Tag[]): void {
    const shown = listed?.filter((tag) => isReferrerTag(tag)) ?? [];
    this.#listed = shown.length === 0 ? undefined : Map.groupBy(shown, (tag) => tag.split('.', 1).join());
    this.#others = new Set(selected);
  }

  /**
   * Mirrors the signature tags of an image, of all below it, and, when a list names them, of the referrers of these.
   * @param digests the image, all below it and the referrers of these
   * @returns which bound their number exceeds, undefined for none; as many as it allows are mirrored
   * @throws {SourceError} naming the tag that failed
   * @throws {StoreError}
   */
  async ensure(
    image: StoredManifest,
    digests: Iterable<Digest>,
    source: Source,
  ): Promise<string | undefined> {
    const listed = this.#listed;
    const named =
      listed === undefined
        ? digestsOf(image).flatMap((digest) => signatureTagsOf(digest))
        : [...digests].flatMap((digest) => listed.get(referrersTag(digest)) ?? []);
    const tags = [...new Set(named)].filter((tag) => !this.#others.has(tag));
    const own = new Set(digestsOf(image));
    // A list may name any number of tags after one image. Guesses are three a manifest.
    const most = listed === undefined ? Infinity : MAX_REFERRERS;
    const atOnce = createLimit(AT_ONCE);
    await allOrThrow(
      tags
        .slice(0, most)
        .map((tag) => atOnce(() => this.#mirrored.get(tag, () => this.#mirrorNamed(tag, own, source)))),
    );
    return tags.length > most ? `more than ${most} tags that are named after it` : undefined;
  }

  async #mirrorNamed(tag: Tag, own: ReadonlySet<Digest>, source: Source): Promise<void> {
    try {
      await this.#mirror(tag, own, source);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      throw new SourceError(`The signature tag "${tag}": ${error.message}`, { cause: error });
    }
  }

  /** @param own the image and all below it: a registry that answers a guess with one of these has no such tag */
  async #mirror(tag: Tag, own: ReadonlySet<Digest>, source: Source): Promise<void> {
    const { environment, repository, state } = this.#options;
    environment.signal.throwIfAborted();
    const known = state.tag(tag);
    // Most images have none, which a HEAD tells without costing quota.
    const isAsked = known === undefined && this.#listed === undefined;
    if (isAsked) {
      const guessed = await source.resolve(tag, true);
      if (guessed === undefined || own.has(guessed.digest)) return;
    }
    const stood = known ?? (await findTag(environment, repository, tag));
    const first = known === undefined ? await resolveByManifest(source, tag) : await source.resolve(tag);
    // What upstream has deleted stays here, as any tag does.
    if (first === undefined || first.digest === known?.digest) return;
    if (await this.#publish(tag, source, first, stood)) return;
    const stands = await findTag(environment, repository, tag);
    const second = await resolveByManifest(source, tag);
    if (second === undefined || (await this.#publish(tag, source, second, stands))) return;
    throw new SourceError(
      'another run moved the tag while this run tried to move it. The next run looks at it again.',
    );
  }

  /** @returns false where another run has moved or held it meanwhile */
  async #publish(
    tag: Tag,
    source: Source,
    { digest, manifest }: Resolved,
    stood: Stood | undefined,
  ): Promise<boolean> {
    const { environment, repository, state, manifests, referrers } = this.#options;
    const stored = await manifests.ensure(digest, source, manifest);
    await referrers.ensure(stored, source, false);
    // Put back by hand, or kept where it is: stored, so that it can be approved, and not moved.
    const known = state.tag(tag);
    if (stood?.hold !== undefined && stood.digest !== digest) {
      if (known?.hold !== stood.hold) await state.note(entryOf(tag, stood, standingOf(state, tag, stood)));
      return true;
    }
    if (known !== undefined && known.digest !== digest) await state.question(tag);
    const move = { expected: stood?.digest, keepsHold: true, hold: stood?.hold };
    if ((await publishTag(environment, repository, tag, stored, move)) === 'conflict') return false;
    const now = environment.clock.now().toISOString();
    await state.note({
      kind: 'tag',
      tag,
      mediaType: stored.manifest.mediaType,
      digest,
      size: stored.size,
      firstSeen: known?.digest === digest ? known.firstSeen : now,
      hold: stood?.hold,
    });
    return true;
  }
}

function digestsOf({ digest, children }: Pick<StoredPart, 'digest' | 'children'>): Digest[] {
  return [digest, ...children.flatMap((child) => digestsOf(child))];
}
