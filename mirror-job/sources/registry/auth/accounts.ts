/**
 * Chooses the account that asks when an upstream has several. The first account asks until it is refused for a repository or
 * its quota is used up, so that people can predict what each account reads and spends, and a second quota is left alone while
 * the first lasts.
 */
import type { AuthSession } from './auth-session.ts';

const QUOTA_USED_UP = 429;
const NO_ACCOUNTS: ReadonlySet<AuthSession> = new Set();

export class Accounts {
  readonly #first: AuthSession;
  /** In the order of the configuration. */
  readonly all: readonly AuthSession[];
  /** The accounts that were answered with 429; empty again once all of them were. */
  readonly #outOfQuota = new Set<AuthSession>();
  /** By repository: the accounts that were answered with 401 or 403. */
  readonly #refusals = new Map<string, Set<AuthSession>>();
  /**
   * By repository: the account that could read something of it. A later refusal concerns one resource, not the repository.
   */
  readonly #readers = new Map<string, AuthSession>();
  readonly #withWarning = new Set<AuthSession>();

  constructor(first: AuthSession, more: readonly AuthSession[]) {
    this.#first = first;
    this.all = [first, ...more];
  }

  get count(): number {
    return this.all.length;
  }

  /** Whether any account has a credential. @throws {SourceError} when one of them cannot be had */
  async haveCredential(): Promise<boolean> {
    const credentials = await Promise.all(this.all.map((account) => account.credential()));
    return credentials.some((credential) => credential !== undefined);
  }

  /**
   * The account whose turn it is in a repository.
   * @param tried the accounts that were refused the same request already
   */
  turn(path: string, tried: ReadonlySet<AuthSession> = NO_ACCOUNTS): AuthSession {
    const reader = this.#readers.get(path);
    if (reader !== undefined && !this.#outOfQuota.has(reader)) return reader;
    return this.#untried(path, tried) ?? reader ?? this.#first;
  }

  /**
   * Takes note of a response.
   * @param used the account that asked
   * @param tried for a request whose refusal says nothing about the next request, such as a HEAD: the refused account is
   *   added to this set, and may still read the repository
   * @returns whether another account, which was not asked yet, may get a better response
   */
  passOn(path: string, used: AuthSession, status: number, tried?: Set<AuthSession>): boolean {
    if (this.all.length === 1) return false;
    if (status === QUOTA_USED_UP) {
      this.#outOfQuota.add(used);
      if (this.#untried(path, tried) !== undefined) return true;
      // All quotas are used up: after the wait that the registry asks for, the first account begins again.
      this.#outOfQuota.clear();
      return false;
    }
    if (status !== 401 && status !== 403) {
      if (status < 400) this.#readers.set(path, used);
      return false;
    }
    if (this.#readers.get(path) === used) return false;
    (tried ?? this.#refusalsIn(path)).add(used);
    if (this.#untried(path, tried) !== undefined) return true;
    // An account that is only out of quota is worth waiting for, and its 429 tells the caller to wait. This refusal does not.
    const waiting =
      this.#readers.get(path) ?? this.all.find((account) => !this.#isRefused(path, account, tried));
    if (waiting !== undefined) this.#outOfQuota.delete(waiting);
    return waiting !== undefined;
  }

  /** Whether the account asks instead of another one that has read the repository and is out of quota. */
  isSubstitute(path: string, used: AuthSession): boolean {
    const reader = this.#readers.get(path);
    return reader !== undefined && reader !== used && this.#outOfQuota.has(reader);
  }

  /** True once per account, so that a warning is logged once and not per repository. */
  isNews(account: AuthSession): boolean {
    const isNews = !this.#withWarning.has(account);
    this.#withWarning.add(account);
    return isNews;
  }

  #untried(path: string, tried?: ReadonlySet<AuthSession>): AuthSession | undefined {
    return this.all.find(
      (account) => !this.#outOfQuota.has(account) && !this.#isRefused(path, account, tried),
    );
  }

  #isRefused(path: string, account: AuthSession, tried: ReadonlySet<AuthSession> = NO_ACCOUNTS): boolean {
    return tried.has(account) || this.#refusals.get(path)?.has(account) === true;
  }

  #refusalsIn(path: string): Set<AuthSession> {
    const refusals = this.#refusals.get(path) ?? new Set();
    this.#refusals.set(path, refusals);
    return refusals;
  }
}
