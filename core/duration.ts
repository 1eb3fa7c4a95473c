/** Durations of one number and one unit. lifeboat.yaml and the edge's variables write them the same way. */

const MILLISECONDS_PER_UNIT = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** A text is not a duration. The caller adds the subject of the message. The message quotes the text only if it is a number. */
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
 * Reads `30s`, `24h`, `1.5d`. A number needs a unit, because not everybody reads `minAge: 3` as 3 seconds. Only 0 needs
 * none.
 * @returns milliseconds
 * @throws {DurationInvalidError}
 */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  const [, amount = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const factor = MILLISECONDS_PER_UNIT.get(unit);
  if (factor === undefined) throw new DurationInvalidError(text);
  return Number(amount) * factor;
}
