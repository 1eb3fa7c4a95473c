import { UsageError } from '../../configuration/usage-error.ts';

const MAX_LENGTH = 300;

/**
 * Checks the text of `--reason`. It has to fit on one line, because the history, the tag and several outputs show it so.
 * @throws {UsageError}
 */
export function parseReason(text: string | undefined): string | undefined {
  const reason = text?.trim();
  if (reason === undefined) return undefined;
  if (reason === '') throw new UsageError('--reason is empty. Leave it out, or say why in a few words.');
  if (reason.length > MAX_LENGTH || /\p{Cc}/u.test(reason)) {
    throw new UsageError(`--reason has to be one line of at most ${MAX_LENGTH} characters.`);
  }
  return reason;
}
