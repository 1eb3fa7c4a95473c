/**
 * How much of an isolate's memory the objects take that are being read whole. A tag with a manifest of 4 MiB takes some
 * 40 MiB for the moment in which it is decoded, so 40 of them at once took 1.6 GB, and an isolate has 128 MB
 * (docs/decisions/0102).
 */
import type { StartTimer } from '../store/time-limit.ts';
import { ByteBudget, NOTHING_TAKEN, type Release } from './byte-budget.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Up to here an object is small. Nearly all are. */
const SMALL_BYTES = 128 * KIB;
/** A larger one is refused by its size, and never read. */
export const LARGEST_BYTES = 8 * MIB;

export class ReadBudget {
  /**
   * From the first byte of an object until it is in the data centre's cache. Small objects have a budget of their own:
   * they must not wait for large ones that come slowly.
   */
  readonly #small: ByteBudget;
  /** Two of the largest, so that one that comes slowly does not keep all others waiting. */
  readonly #large: ByteBudget;
  /** While objects are decoded, which waits for no store: one of the largest at a time. */
  readonly #decoding: ByteBudget;

  constructor(options: { readonly now: () => number; readonly startTimer: StartTimer }) {
    this.#small = new ByteBudget(4 * MIB, options);
    this.#large = new ByteBudget(2 * LARGEST_BYTES, options);
    this.#decoding = new ByteBudget(LARGEST_BYTES, options);
  }

  /**
   * @param deadline when the object is needed no longer. Milliseconds since 1970
   * @throws {RegistryError} UNAVAILABLE when there is no room until then
   */
  async takeForReading(bytes: number, deadline: number): Promise<Release> {
    if (bytes > LARGEST_BYTES) return NOTHING_TAKEN;
    return (bytes <= SMALL_BYTES ? this.#small : this.#large).take(bytes, deadline);
  }

  /** @throws {RegistryError} as above, and what `decode` throws */
  async decode<T>(bytes: number, deadline: number, decode: () => T | Promise<T>): Promise<T> {
    const release = await this.#decoding.take(bytes, deadline);
    try {
      return await decode();
    } finally {
      release();
    }
  }
}
