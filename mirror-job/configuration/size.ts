/** Sizes of one number and one unit, as in 500MiB. */

const BYTES_PER_UNIT = new Map(
  ['', 'K', 'M', 'G', 'T'].flatMap((letter, power): [string, number][] => [
    [`${letter}B`, 1000 ** power],
    [`${letter === '' ? '' : `${letter}i`}B`, 1024 ** power],
  ]),
);

/** A text is not a size. The caller adds the subject of the message. */
export class SizeInvalidError extends Error {
  override readonly name = 'SizeInvalidError';
}

/**
 * A number needs a unit, because nobody writes an image's size in bytes.
 * @returns bytes
 * @throws {SizeInvalidError}
 */
export function parseSize(text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,9})?)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = BYTES_PER_UNIT.get(unit);
  if (factor !== undefined) return Math.floor(Number(amount) * factor);
  throw new SizeInvalidError(
    amount !== '' && unit === ''
      ? `needs a unit: ${text}MiB or ${text}GiB.`
      : 'is not a size, such as 500MiB, 8GiB or 2.5GB.',
  );
}
