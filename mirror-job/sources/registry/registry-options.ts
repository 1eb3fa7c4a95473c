import type { Clock, Log } from '../../engine/environment.ts';
import type { HttpClient } from './http-client.ts';
import type { BudgetSettings } from './budget.ts';

export interface Password {
  readonly username: string;
  readonly password: string;
}

/** An OAuth2 refresh token, which token servers take instead of a password. */
export interface IdentityToken {
  readonly identityToken: string;
}

export type Credential = (Password | IdentityToken) & {
  /** Where it comes from, for sentences that begin with "the credentials". */
  readonly from: string;
};

/**
 * One account of an upstream. Asked before each use, because some credentials expire within a run.
 * @returns undefined when there is none after all: then requests go out without
 * @throws {SourceError} a sentence, without the secret, when it cannot be had
 */
export type CredentialProvider = (() => Promise<Credential | undefined>) & {
  /** A sentence: the advice for a refused credential. */
  readonly remedy?: string;
};

export interface RegistryOptions {
  readonly httpClient: HttpClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Used in turn: the next one where the one before is refused or its quota is used up. None: anonymous. */
  readonly accounts: readonly CredentialProvider[];
  /** Plain HTTP. */
  readonly insecure: boolean;
  /** Milliseconds to an answer's first byte, and between any two chunks of its body. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /** The most requests whose answer has not begun yet. */
  readonly concurrency: number;
  readonly budget: BudgetSettings;
}

export interface RetryPolicy {
  /** How often a request is sent at most. */
  readonly attempts: number;
  /** Milliseconds before the second attempt; each further one waits twice as long. */
  readonly delayMs: number;
  /** The longest Retry-After, in milliseconds, that is waited for: after a longer one the registry is left alone. */
  readonly maxDelayMs: number;
}

export const DEFAULT_TIMEOUT_MS = 30_000;
export const DEFAULT_RETRY: RetryPolicy = { attempts: 4, delayMs: 500, maxDelayMs: 60_000 };
/** What a registry is asked at once grows up to here, as long as it answers fast. */
export const DEFAULT_CONCURRENCY = 32;
/** How long to wait before the attempt after `attempt`. The delay doubles with each attempt, and jitter spreads the runs. */
export function delayBeforeMs(attempt: number, { delayMs, maxDelayMs }: RetryPolicy): number {
  return Math.min(delayMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2), maxDelayMs);
}
