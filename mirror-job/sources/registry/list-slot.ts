/**
 * A slot for long answers that one list keeps from its first long page to its end, because what was read of the list stays in
 * memory while its next page is awaited.
 */
import type { FairShare } from '../../engine/support/fair-share.ts';

export type Slots = Pick<FairShare, 'take' | 'give'>;

export class ListSlot implements Slots {
  readonly #slots: Slots;
  #isHeld = false;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  /** Does nothing if the slot is held already: the pages of a list are read one after the other. */
  async take(): Promise<void> {
    if (this.#isHeld) return;
    await this.#slots.take('', 1);
    this.#isHeld = true;
  }

  /** A page is done, and its list is not. */
  give(): void {}

  /** The list is done. */
  end(): void {
    if (this.#isHeld) this.#slots.give('', 1);
    this.#isHeld = false;
  }
}
