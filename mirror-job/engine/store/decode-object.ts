/** Decodes objects of the bucket. An object that cannot be read counts as absent: a run replaces it, and says so. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import type { Log } from '../runtime.ts';

/** @returns the error for an object that cannot be read, for a caller that may not need to warn of it */
export function tryDecode<Value>(decode: () => Value): Value | BucketObjectInvalidError {
  try {
    return decode();
  } catch (error) {
    if (error instanceof BucketObjectInvalidError) return error;
    throw error;
  }
}

/**
 * @param consequence what happens instead: a sentence, which ends the warning
 * @returns undefined, and a warning, for an object that cannot be read
 */
export function decodeOrWarn<Value>(
  log: Pick<Log, 'warn'>,
  consequence: string,
  decode: () => Value,
): Value | undefined {
  const decoded = tryDecode(decode);
  if (!(decoded instanceof BucketObjectInvalidError)) return decoded;
  log.warn(`${decoded.message} ${consequence}`);
  return undefined;
}
