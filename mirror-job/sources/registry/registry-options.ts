import type { Upstream } from '../../../core/reference.ts';
import type { Clock, Log } from '../../engine/runtime.ts';
import type { HttpClient } from './http-client.ts';
import type { BudgetSettings } from './pace/budget.ts';

export interface Password {
  readonly username: string;
  readonly password: string;
}

/** An OAuth2 refresh token, which token servers take instead of a password. */
export interface IdentityToken {
  readonly identityToken: string;
}

export type Credential = (Password | IdentityToken) & {
  /** The place that it comes from, for sentences that begin with "the credentials". */
  readonly from: string;
};

/**
 * Gives the credential of one account of an upstream. It is called before each use, because some credentials expire within a
 * run.
 * @returns undefined when there is no credential after all: then requests have none
 * @throws {SourceError} a sentence without the secret, when the credential cannot be had
 */
export type CredentialProvider = (() => Promise<Credential | undefined>) & {
  /** The advice for a refused credential, a sentence. */
  readonly remedy?: string;
};

export interface RegistryOptions {
  readonly httpClient: HttpClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** In order: the next account is used when the one before is refused or out of quota. Empty: requests are anonymous. */
  readonly accounts: readonly CredentialProvider[];
  /** Whether the registry speaks plain HTTP. */
  readonly insecure: boolean;
  /**
   * The upstream whose images are asked for, if the registry is a mirror of several: it is sent as `?ns=`, as containerd does.
   * https://github.com/containerd/containerd/blob/main/docs/hosts.md#registry-host-namespace
   */
  readonly mirrorOf?: Upstream;
  /** The longest wait for a response to begin, and between any two chunks of its body. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /** The most requests that wait for their response at once. */
  readonly concurrency: number;
  readonly budget: BudgetSettings;
}

export interface RetryPolicy {
  /** The most times that a request is sent. */
  readonly attempts: number;
  /** The wait before the second attempt; each further attempt waits twice as long. */
  readonly delayMs: number;
  /** The longest Retry-After that a request waits for. After a longer one, nothing is sent to the registry until then. */
  readonly maxDelayMs: number;
}

export const DEFAULT_TIMEOUT_MS = 30_000;
export const DEFAULT_RETRY: RetryPolicy = { attempts: 4, delayMs: 500, maxDelayMs: 60_000 };
/** The number of requests at once grows up to here, as long as the registry answers fast. */
export const DEFAULT_CONCURRENCY = 32;
/** How long to wait before the attempt after `attempt`. The delay doubles with each attempt, and jitter spreads the runs. */
export function delayBeforeMs(attempt: number, { delayMs, maxDelayMs }: RetryPolicy): number {
  return Math.min(delayMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2), maxDelayMs);
}
