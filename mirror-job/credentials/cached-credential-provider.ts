import type { Clock } from '../engine/environment.ts';
import type { CredentialProvider, Credential } from '../sources/registry/registry-options.ts';

export interface CredentialLease {
  readonly credential: Credential | undefined;
  /** Milliseconds since 1970: when to ask again. */
  readonly until: number;
}

/** A failure is kept too: a helper that hangs would otherwise hold up every single request. Milliseconds. */
const FAILURE_CACHE_MS = 5 * 60_000;

/** An account whose credential costs something to get: asked for when it is needed, once for all that wait. */
export function cachedCredentialProvider(
  clock: Pick<Clock, 'now'>,
  ask: () => Promise<CredentialLease>,
): CredentialProvider {
  let known: { readonly lease: Promise<CredentialLease>; until: number } | undefined;
  return async () => {
    if (known === undefined || known.until <= clock.now().getTime()) {
      const asked = { lease: ask(), until: Number.POSITIVE_INFINITY };
      known = asked;
      asked.lease.then(
        ({ until }) => (asked.until = until),
        () => (asked.until = clock.now().getTime() + FAILURE_CACHE_MS),
      );
    }
    return (await known.lease).credential;
  };
}
