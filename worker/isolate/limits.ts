/** How long a request waits for what. docs/decisions/0100 */

export interface Limits {
  /** The longest time to the first byte of an answer, whatever hangs. */
  readonly answerMs: number;
  /** The longest time to the first byte of one store's answer. It is a part of `answerMs`. */
  readonly storeMs: number;
  /**
   * How long a request waits for another one that reads the same object. That is longer than one store takes that hangs,
   * its confirmation included, so that all waiting requests learn of the failure. It leaves time for a read of their own.
   */
  readonly joinMs: number;
}

const STORE_MS = 3000;

/**
 * How long a store has to answer for lifeboat.json after it failed for another key. That is less than for a first try,
 * because the client has waited already, and a store that is up needs a tenth of it.
 */
export const CONFIRMATION_MS = 1000;

export const LIMITS: Limits = { answerMs: 8000, storeMs: STORE_MS, joinMs: STORE_MS + CONFIRMATION_MS + 500 };
