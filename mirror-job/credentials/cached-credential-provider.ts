import type { Clock } from '../engine/runtime.ts';
import type { CredentialProvider, Credential } from '../sources/registry/registry-options.ts';

export interface CredentialLease {
  readonly credential: Credential | undefined;
  /** The time at which the credential has to be requested again, in milliseconds since 1970. */
  readonly untilMs: number;
}

/** A failure is cached too. Otherwise a helper that hangs would hold up each request. */
const FAILURE_CACHE_MS = 5 * 60_000;

/**
 * Caches a credential that is costly to get. The credential is requested when it is needed, once for all callers that
 * wait.
 */
export function cachedCredentialProvider(
  clock: Pick<Clock, 'now'>,
  ask: () => Promise<CredentialLease>,
): CredentialProvider {
  let cached: { readonly lease: Promise<CredentialLease>; untilMs: number } | undefined;
  return async () => {
    if (cached === undefined || cached.untilMs <= clock.now().getTime()) {
      const entry = { lease: ask(), untilMs: Number.POSITIVE_INFINITY };
      cached = entry;
      entry.lease.then(
        ({ untilMs }) => (entry.untilMs = untilMs),
        () => (entry.untilMs = clock.now().getTime() + FAILURE_CACHE_MS),
      );
    }
    return (await cached.lease).credential;
  };
}
