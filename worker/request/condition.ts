/**
 * Conditional requests: https://www.rfc-editor.org/rfc/rfc9110#section-13. They are decided by the ETag, which is made of
 * the digest. Answers have no date of modification, so conditions on dates are ignored, as section 13.1.3 requires.
 */
import { RegistryError } from '../../core/error.ts';
import type { RequestHeaders } from './request-headers.ts';

/**
 * @returns whether the client has the content already, so that the answer is 304
 * @throws {RegistryError} PRECONDITION_FAILED if `If-Match` names other content
 */
export function hasAlready(headers: Pick<RequestHeaders, 'ifMatch' | 'ifNoneMatch'>, etag: string): boolean {
  const { ifMatch, ifNoneMatch } = headers;
  if (ifMatch !== undefined && !listOf(ifMatch).some((one) => one === '*' || one === etag)) {
    throw new RegistryError('PRECONDITION_FAILED', 'The content does not match If-Match.');
  }
  if (ifNoneMatch === undefined) return false;
  return listOf(ifNoneMatch).some((one) => one === '*' || one === etag || one === `W/${etag}`);
}

function listOf(etags: string): string[] {
  return etags.split(',').map((one) => one.trim());
}
