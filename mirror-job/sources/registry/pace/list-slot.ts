/**
 * The slot for long responses that one list holds from its first long page to its end, because its earlier pages stay in memory
 * while it waits for the next one.
 */
import type { FairShare } from '../../../engine/support/fair-share.ts';

export type Slots = Pick<FairShare, 'take' | 'give'>;

export class ListSlot implements Slots {
  readonly #slots: Slots;
  #isHeld = false;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  /** Does nothing if the list holds its slot already. Its pages are read one after the other. */
  async take(): Promise<void> {
    if (this.#isHeld) return;
    await this.#slots.take('', 1);
    this.#isHeld = true;
  }

  /** Does nothing: the end of a page is not the end of its list. */
  give(): void {}

  /** The end of the list. */
  end(): void {
    if (this.#isHeld) this.#slots.give('', 1);
    this.#isHeld = false;
  }
}
