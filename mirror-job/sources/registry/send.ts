/** Sends one request, and turns what goes wrong with its connection into a sentence. */
import { TimeoutError } from '../../engine/support/timeout-error.ts';
import type { HttpResponse } from './http-client.ts';
import { ConnectionError } from './response/connection-error.ts';
import type { RegistryOptions } from './registry-options.ts';

/** Follows no redirect. @throws {ConnectionError} and the signal's reason */
export async function send(
  { httpClient, signal, timeoutMs }: Pick<RegistryOptions, 'httpClient' | 'signal' | 'timeoutMs'>,
  url: URL,
  method: 'GET' | 'HEAD' | 'POST',
  headers: Record<string, string>,
  body?: string,
): Promise<HttpResponse> {
  try {
    return await httpClient(url, { method, headers, signal, timeoutMs, ...(body !== undefined && { body }) });
  } catch (error) {
    signal.throwIfAborted();
    const isSilent = error instanceof TimeoutError;
    const isLate = isSilent && error.waitedFor === 'an answer';
    throw new ConnectionError(
      isLate
        ? `${url.host} did not answer within ${timeoutMs / 1000} s.`
        : `${url.host} cannot be reached (${reasonOf(error)}).${adviceFor(reasonOf(error))}`,
      { cause: error, isLate, isSilent },
    );
  }
}

/** The server does not speak TLS: mostly a registry on a developer's machine, which speaks plain HTTP. */
const NOT_TLS = /^(?:ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|EPROTO)\b/;
const UNKNOWN_ROOT =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE)\b/;

/** The likely next step, with a space before it; empty when none is likely. */
function adviceFor(reason: string): string {
  if (NOT_TLS.test(reason)) {
    return ' The host does not answer in TLS: if it speaks plain HTTP, set "insecure: true" for this upstream.';
  }
  if (reason === 'HPE_HEADER_OVERFLOW') return ' The host sends more than 256 KiB of headers.';
  return UNKNOWN_ROOT.test(reason)
    ? ' Its certificate comes from an unknown root: give the file of that root certificate as "ca" of this upstream.'
    : '';
}

/** The code of a failed connection, or its message. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error)
    return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
  return String(cause);
}
