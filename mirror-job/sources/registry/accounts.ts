/**
 * Whose turn it is where an upstream has several accounts. The first one serves until it is refused for a repository,
 * or its quota is used up: so that what each sees and spends can be foretold, and a second quota is left alone while
 * the first lasts.
 */
import type { AuthSession } from './auth-session.ts';

const QUOTA_USED_UP = 429;
const NOBODY: ReadonlySet<AuthSession> = new Set();

export class Accounts {
  readonly #first: AuthSession;
  /** In the order of the configuration. */
  readonly all: readonly AuthSession[];
  /** Answered with 429, each until all are. */
  readonly #spent = new Set<AuthSession>();
  /** By repository: who was told 401 or 403. */
  readonly #refused = new Map<string, Set<AuthSession>>();
  /** By repository: who could read something of it. A later refusal concerns one resource, not the repository. */
  readonly #proven = new Map<string, AuthSession>();
  readonly #reported = new Set<AuthSession>();

  constructor(first: AuthSession, more: readonly AuthSession[]) {
    this.#first = first;
    this.all = [first, ...more];
  }

  get count(): number {
    return this.all.length;
  }

  /** @throws {SourceError} when one of them cannot be had */
  async haveCredential(): Promise<boolean> {
    const credentials = await Promise.all(this.all.map((account) => account.credential()));
    return credentials.some((credential) => credential !== undefined);
  }

  /**
   * The account whose turn it is in a repository.
   * @param passed the accounts that were refused the same request already
   */
  turn(path: string, passed: ReadonlySet<AuthSession> = NOBODY): AuthSession {
    const proven = this.#proven.get(path);
    if (proven !== undefined && !this.#spent.has(proven)) return proven;
    return this.#fresh(path, passed) ?? proven ?? this.#first;
  }

  /**
   * Takes note of an answer.
   * @param passed for a request whose refusal says nothing about the next request, such as a HEAD: the refused account
   *   is added to this set, and is not closed out of the repository
   * @returns whether the next account may get a better answer, and was not asked yet
   */
  passOn(path: string, used: AuthSession, status: number, passed?: Set<AuthSession>): boolean {
    if (this.all.length === 1) return false;
    if (status === QUOTA_USED_UP) {
      this.#spent.add(used);
      if (this.#fresh(path, passed) !== undefined) return true;
      // All of them are used up: whoever waits as the registry asks begins with the first again.
      this.#spent.clear();
      return false;
    }
    if (status !== 401 && status !== 403) {
      if (status < 400) this.#proven.set(path, used);
      return false;
    }
    if (this.#proven.get(path) === used) return false;
    (passed ?? this.#refusedIn(path)).add(used);
    if (this.#fresh(path, passed) !== undefined) return true;
    // One that is only out of quota is worth waiting for: its 429 says so, this refusal does not.
    const waiting =
      this.#proven.get(path) ?? this.all.find((account) => !this.#isRefused(path, account, passed));
    if (waiting !== undefined) this.#spent.delete(waiting);
    return waiting !== undefined;
  }

  /** Whether it asks in the place of an account that could read something of the repository, and cannot now. */
  isSubstitute(path: string, used: AuthSession): boolean {
    const proven = this.#proven.get(path);
    return proven !== undefined && proven !== used && this.#spent.has(proven);
  }

  /** True once an account: what happens in each repository is said once. */
  isNews(account: AuthSession): boolean {
    const isNews = !this.#reported.has(account);
    this.#reported.add(account);
    return isNews;
  }

  #fresh(path: string, passed?: ReadonlySet<AuthSession>): AuthSession | undefined {
    return this.all.find((account) => !this.#spent.has(account) && !this.#isRefused(path, account, passed));
  }

  #isRefused(path: string, account: AuthSession, passed: ReadonlySet<AuthSession> = NOBODY): boolean {
    return passed.has(account) || this.#refused.get(path)?.has(account) === true;
  }

  #refusedIn(path: string): Set<AuthSession> {
    const refused = this.#refused.get(path) ?? new Set();
    this.#refused.set(path, refused);
    return refused;
  }
}
