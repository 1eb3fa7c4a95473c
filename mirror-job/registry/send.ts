/** One request, with a bound on the wait for its answer. */
import { ConnectionError } from './connection-error.ts';
import type { RegistryOptions } from './registry-options.ts';

/** Redirects are the caller's to judge: none is followed. @throws {ConnectionError} and the signal's reason */
export async function send(
  { fetch, signal, timeout }: Pick<RegistryOptions, 'fetch' | 'signal' | 'timeout'>,
  url: URL,
  method: 'GET' | 'HEAD' | 'POST',
  headers: Record<string, string>,
  body?: string,
): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeout);
  try {
    return await fetch(url.href, {
      method,
      redirect: 'manual',
      signal: AbortSignal.any([signal, late.signal]),
      headers,
      ...(body !== undefined && { body }),
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new ConnectionError(
      late.signal.aborted
        ? `${url.host} did not answer within ${timeout / 1000} s.`
        : `${url.host} cannot be reached (${reasonOf(error)}).`,
      { cause: error, isLate: late.signal.aborted },
    );
  } finally {
    clearTimeout(timer);
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error)
    return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
  return String(cause);
}
