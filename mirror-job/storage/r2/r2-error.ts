/**
 * The errors of an R2 binding. Their messages end in a number, and that is all that tells them apart.
 * https://developers.cloudflare.com/r2/api/error-codes/
 */

import { StoreError } from '../../engine/store/store.ts';

const NO_SUCH_UPLOAD = 10_024;
/** InternalError, ServiceUnavailable, and too many requests for one object. */
const TRANSIENT: ReadonlySet<number> = new Set([10_001, 10_043, 10_058]);

export function isNoSuchUpload(error: unknown): boolean {
  return codeOf(error) === NO_SUCH_UPLOAD;
}

/** Whether the same call may succeed a moment later. An error without a number is one of the connection to R2. */
export function isTransient(error: unknown): boolean {
  // A StoreError has been explained already, and a TypeError is a mistake of the call.
  if (error instanceof StoreError || error instanceof TypeError) return false;
  const code = codeOf(error);
  return code === undefined || TRANSIENT.has(code);
}

/** The number at the end of a message, as in `get: We encountered an internal error. Please try again. (10001)`. */
function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const [, code] = /\((\d{5})\)\s*$/.exec(error.message) ?? [];
  return code === undefined ? undefined : Number(code);
}
