/** Whether an image may be copied into a bucket that everybody reads: only if upstream shows it to everybody. */
import type { Digest } from '../../../core/digest.ts';
import type { Image } from '../image.ts';
import { SourceError } from '../source.ts';
import { AsyncCache } from '../support/async-cache.ts';

const NOT_PUBLIC = 'is not shown to anonymous callers, but everybody may read this bucket.';

/** Whether an error's sentence, as a report keeps it, is that of an image that the check refused. */
export function isAboutPrivacy(sentence: string): boolean {
  return sentence.includes(NOT_PUBLIC);
}

/** One check per image: visibility belongs to a repository, so one answer holds for all of its tags. */
export class VisibilityCheck {
  readonly #image: Pick<Image, 'mustBePublic' | 'source'>;
  readonly #answer = new AsyncCache<'upstream', boolean>();
  #latest: Digest | undefined;

  constructor(image: Pick<Image, 'mustBePublic' | 'source'>) {
    this.#image = image;
  }

  /** The digest that a tag of upstream names now. Upstream has it for sure, so visibility is checked with it. */
  noteLatest(digest: Digest): void {
    this.#latest = digest;
  }

  /**
   * As `refusePrivate`, before any manifest is fetched. It may be a child or a referrer, so the latest digest of a tag is
   * checked instead, if there is one.
   * @throws {SourceError}
   */
  refusePrivateBelow(digest: Digest): Promise<void> {
    return this.refusePrivate(this.#latest ?? digest);
  }

  /**
   * Asks upstream until it answers once, and only before something is copied.
   * @param digest the manifest that is asked for without credentials
   * @throws {SourceError} if the image must be public and upstream does not show it to anonymous callers
   */
  async refusePrivate(digest: Digest): Promise<void> {
    const { mustBePublic, source } = this.#image;
    if (!mustBePublic || (await this.#isPublic(digest))) return;
    throw new SourceError(
      `${source.name} ${NOT_PUBLIC} If the image may be public, say "public: true" at the image; otherwise use a bucket whose audience is "token".`,
    );
  }

  /**
   * Callers share one check. If it fails, the next caller asks again with its own digest, because the first digest may
   * have been deleted.
   */
  async #isPublic(digest: Digest): Promise<boolean> {
    for (;;) {
      let isOwn = false;
      try {
        return await this.#answer.get('upstream', () => {
          isOwn = true;
          return this.#image.source.isPublic(digest);
        });
      } catch (error) {
        if (isOwn) throw error;
      }
    }
  }
}
