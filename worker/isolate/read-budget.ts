/**
 * How much of an isolate's memory may go to objects that are being read whole. A tag with a manifest of 4 MiB takes some
 * 40 MiB while it is decoded, so 40 of them at once took 1.6 GB, and an isolate has 128 MB (docs/decisions/0102).
 */
import { ByteBudget, NOTHING_TAKEN, type Release } from './byte-budget.ts';
import type { Clock } from './edge-runtime.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** An object of at most so many bytes is small. Nearly all are. */
const SMALL_BYTES = 128 * KIB;
/** A larger object of any kind is refused by its size, and never read. A list of 100,000 tags has some 3 MB. */
export const LARGEST_BYTES = 8 * MIB;

export class ReadBudget {
  /**
   * From the first byte of an object until it is in the data centre's cache. Small objects have a budget of their own,
   * because they must not wait for large ones that come slowly.
   */
  readonly #small: ByteBudget;
  /** Has room for two of the largest objects, so that one that comes slowly does not block all others. */
  readonly #large: ByteBudget;
  /** While objects are decoded, which waits for no store. It has room for one of the largest objects. */
  readonly #decoding: ByteBudget;

  constructor(clock: Clock) {
    this.#small = new ByteBudget(4 * MIB, clock);
    this.#large = new ByteBudget(2 * LARGEST_BYTES, clock);
    this.#decoding = new ByteBudget(LARGEST_BYTES, clock);
  }

  /**
   * @param deadlineMs when the request no longer needs the object
   * @throws {RegistryError} UNAVAILABLE when there is no room until then
   */
  async takeForReading(bytes: number, deadlineMs: number): Promise<Release> {
    if (bytes > LARGEST_BYTES) return NOTHING_TAKEN;
    return (bytes <= SMALL_BYTES ? this.#small : this.#large).take(bytes, deadlineMs);
  }

  /** @throws {RegistryError} UNAVAILABLE when there is no room until the deadline; and what `decode` throws */
  async decode<T>(bytes: number, deadlineMs: number, decode: () => T | Promise<T>): Promise<T> {
    const release = await this.#decoding.take(bytes, deadlineMs);
    try {
      return await decode();
    } finally {
      release();
    }
  }
}
