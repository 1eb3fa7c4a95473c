/** Reads a percentage of the command line. */
import { UsageError } from '../../configuration/usage-error.ts';

/** Accepts `95`, `95%` and `99.5 %`. @throws {UsageError} */
export function parsePercentage(option: string, text: string): number {
  const [, digits] = /^(\d{1,3}(?:\.\d{1,6})?) ?%?$/.exec(text) ?? [];
  const percent = Number(digits);
  if (digits === undefined || percent > 100) {
    throw new UsageError(
      `${option} ${text === '' ? 'has no value' : text}: it has to be a percentage from 0 to 100, such as 95 or 99.5%.`,
    );
  }
  return percent;
}
