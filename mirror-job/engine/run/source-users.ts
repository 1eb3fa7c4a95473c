/**
 * Counts how many images of a run still need a source, and its list of tags, because long lists of many repositories must not
 * stay in memory until the run ends.
 */
import type { Image } from '../image.ts';
import type { Source } from '../source.ts';

export class SourceUsers {
  readonly #selecting: Counts;
  readonly #working: Counts;

  constructor(images: readonly Image[]) {
    this.#selecting = new Counts(images.filter(({ tags }) => tags.rules !== undefined));
    this.#working = new Counts(images);
  }

  /** An image with rules has selected its tags, or failed to. */
  endSelection(source: Source): void {
    if (this.#selecting.isLast(source)) source.forgetTags?.();
  }

  /** The work on an image of the source is done. */
  end(source: Source): void {
    if (this.#working.isLast(source)) source.leave?.();
  }
}

class Counts {
  readonly #remaining = new Map<Source, number>();

  constructor(images: readonly Image[]) {
    for (const { source } of images) this.#remaining.set(source, (this.#remaining.get(source) ?? 0) + 1);
  }

  isLast(source: Source): boolean {
    const remaining = (this.#remaining.get(source) ?? 0) - 1;
    this.#remaining.set(source, remaining);
    return remaining === 0;
  }
}
