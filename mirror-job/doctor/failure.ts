/** Sorts the errors of connections into the reasons that people act on. */
import type { Failure, FailureReason } from '../../cluster/doctor/observation.ts';
import { TimeoutError } from '../engine/support/timeout-error.ts';

const BY_CODE: Readonly<Record<string, FailureReason>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'refused',
  ENETUNREACH: 'refused',
  ETIMEDOUT: 'silent',
  ECONNRESET: 'closed',
  EPIPE: 'closed',
  EPROTO: 'closed',
  HPE_INVALID_CONSTANT: 'closed',
  CERT_HAS_EXPIRED: 'certificate',
  CERT_NOT_YET_VALID: 'certificate',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate',
};

const SENTENCES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is its own root',
  SELF_SIGNED_CERT_IN_CHAIN: 'its root is not known here',
  UNABLE_TO_GET_ISSUER_CERT: 'its issuer is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its issuer is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its issuer is not known here',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another host',
};

/** @param answerMs the limit that a silent server has passed */
export function failureOf(error: unknown, answerMs: number): Pick<Failure, 'reason' | 'detail'> {
  if (error instanceof TimeoutError || (error instanceof Error && error.name === 'TimeoutError')) {
    return { reason: 'silent', detail: `not within ${answerMs / 1000} s` };
  }
  const code = codeOf(error);
  const reason =
    BY_CODE[code] ?? (code.startsWith('HPE_') || code.startsWith('ERR_SSL') ? 'closed' : 'other');
  return { reason, detail: SENTENCES[code] ?? code };
}

/** An address with several IP addresses fails with one error for each of them. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return error.message;
}
