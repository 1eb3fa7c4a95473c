/**
 * All that is left to chance in a simulation: small numbers, drawn one after the other and recorded. The same numbers give
 * the same simulation. 0 is always the calmest choice (no fault, the oldest call, the fewest actors), so a failure gets simpler
 * when numbers become 0.
 */

export class Decisions {
  /** The numbers so far. */
  readonly made: number[] = [];
  readonly #draw: (count: number) => number;

  private constructor(draw: (count: number) => number) {
    this.#draw = draw;
  }

  static seeded(seed: number): Decisions {
    const random = randomOf(seed);
    return new Decisions((count) => Math.floor(random() * count));
  }

  /** Repeats recorded numbers. After their end, every choice is the calmest one. */
  static recorded(numbers: readonly number[]): Decisions {
    let next = 0;
    return new Decisions((count) => {
      const number = numbers[next] ?? 0;
      next += 1;
      return number % count;
    });
  }

  /** @returns a number from 0 up to and without `count` */
  choose(count: number): number {
    if (count < 2) return 0;
    const number = this.#draw(count);
    this.made.push(number);
    return number;
  }

  /** @returns true once in `times`, on average */
  happens(times: number): boolean {
    return this.choose(times) === times - 1;
  }

  oneOf<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[this.choose(values.length)] ?? values[0];
  }
}

/** Mulberry32: 32 bits of state are enough to tell seeds apart. */
function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
