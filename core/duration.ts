/** Durations as people write them: one number and one unit. The same in lifeboat.yaml and in the edge's variables. */

/** How many milliseconds each is. */
const UNITS = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** The message is the end of a sentence: what it is about comes before it. It repeats nothing but a number. */
export class DurationInvalidError extends Error {
  override readonly name = 'DurationInvalidError';
  readonly isUnitless: boolean;

  constructor(text: string) {
    const isUnitless = NUMBER.test(text);
    super(
      isUnitless
        ? `needs a unit: ${['s', 'm', 'h'].map((unit) => `${text}${unit}`).join(', ')} or ${text}d.`
        : 'is not a duration, such as 30s, 5m, 24h or 7d.',
    );
    this.isUnitless = isUnitless;
  }
}

const NUMBER = /^\d{1,9}(?:\.\d{1,9})?$/;

/**
 * `30s`, `24h`, `1.5d`. A number needs its unit, because `minAge: 3` is not 3 seconds to everybody; only 0 is the same in all.
 * @returns milliseconds
 * @throws {DurationInvalidError}
 */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  const [, amount = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const factor = UNITS.get(unit);
  if (factor === undefined) throw new DurationInvalidError(text);
  return Number(amount) * factor;
}
