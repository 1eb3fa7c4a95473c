/**
 * Bounds the manifest GETs that a run spends of an upstream's quota. The rest of the quota is read from the registry's
 * responses (account-quota.ts), and never assumed.
 */
import { SourceError, type Quota } from '../../../engine/source.ts';
import { AccountQuota } from './account-quota.ts';
import type { HttpResponse } from '../http-client.ts';

export interface BudgetSettings {
  /** The number of manifest GETs that are left to others; undefined: none. */
  readonly keepRemaining: number | undefined;
  /** The most manifest GETs that a run sends, from whichever account's quota; undefined: any number. */
  readonly manifestGetsPerRun: number | undefined;
}

export const NO_BUDGET: BudgetSettings = { keepRemaining: undefined, manifestGetsPerRun: undefined };

/** A manifest GET that is on its way. */
export interface Spending {
  /** Takes note of what the response says; to be called once, also without a response. */
  end(headers: HttpResponse['headers'] | undefined): void;
}

export class Budget {
  readonly #upstream: string;
  readonly #settings: BudgetSettings;
  readonly #quotas = new Map<object, AccountQuota>();
  #manifestGets = 0;
  /** Always the first sentence: one that changed with each response would be another reason per tag. */
  #exhausted: string | undefined;

  /** @param upstream its name in messages */
  constructor(upstream: string, settings: BudgetSettings) {
    this.#upstream = upstream;
    this.#settings = settings;
  }

  get isLimited(): boolean {
    const { keepRemaining, manifestGetsPerRun } = this.#settings;
    return keepRemaining !== undefined || manifestGetsPerRun !== undefined;
  }

  /** Why no more manifests are requested; undefined while they are. */
  get exhausted(): string | undefined {
    return this.#exhausted;
  }

  /** The quotas that the upstream has told. @param accounts all accounts, in their order */
  quotasOf(accounts: readonly object[]): readonly Quota[] {
    return accounts.flatMap((account, index) => {
      const quota = this.#quotas.get(account)?.quota;
      return quota === undefined ? [] : [{ account: index + 1, ...quota }];
    });
  }

  /** Whether a HEAD, which costs nothing, has to ask what is left before the first GET. */
  isUnknown(account: object): boolean {
    return this.#settings.keepRemaining !== undefined && !this.#quotaOf(account).isAsked;
  }

  /** @returns undefined when this account is to send no further manifest GET */
  spend(account: object): Spending | undefined {
    const { keepRemaining = -1, manifestGetsPerRun = Number.POSITIVE_INFINITY } = this.#settings;
    const quota = this.#quotaOf(account);
    if (this.#isNotUnderstood(quota)) return undefined;
    if (this.#manifestGets >= manifestGetsPerRun) return undefined;
    const { remaining } = quota;
    if (remaining !== undefined && remaining <= keepRemaining) return undefined;
    this.#manifestGets += 1;
    return { end: quota.begin() };
  }

  /** Takes note of what the response to a HEAD says. */
  note(account: object, headers: HttpResponse['headers']): void {
    this.#quotaOf(account).note(headers);
  }

  /**
   * No account has any quota left.
   * @param account the last account that was tried
   * @param accounts all accounts
   * @returns the sentence for the work that was not done
   * @throws {SourceError} when the remaining quota of an account has to be known, and the registry tells it in a way
   *   that is not understood
   */
  exhaust(account: object, accounts: readonly object[]): string {
    const { manifestGetsPerRun = Number.POSITIVE_INFINITY } = this.#settings;
    const isCountReached = this.#manifestGets >= manifestGetsPerRun;
    const header = accounts
      .map((one) => this.#quotaOf(one))
      .find((quota) => this.#isNotUnderstood(quota))?.notUnderstood;
    if (header !== undefined && !isCountReached) {
      throw new SourceError(
        `${this.#upstream} says "ratelimit-remaining: ${header}", which Lifeboat does not understand, so it cannot keep to keepRemaining. Remove keepRemaining from upstreams["${this.#upstream}"].budget to ask for manifests anyway.`,
      );
    }
    const why = isCountReached
      ? `manifestGetsPerRun is ${manifestGetsPerRun}`
      : this.#whatIsLeft(this.#quotaOf(account));
    this.#exhausted ??= `The ${this.isLimited ? 'budget' : 'quota'} of ${this.#upstream} is used up: ${why}. The next run goes on from here.`;
    return this.#exhausted;
  }

  #isNotUnderstood({ notUnderstood }: AccountQuota): boolean {
    return notUnderstood !== undefined && this.#settings.keepRemaining !== undefined;
  }

  #whatIsLeft({ quota, remaining = 0 }: AccountQuota): string {
    const { keepRemaining } = this.#settings;
    const of = quota?.limit === undefined ? '' : ` of ${quota.limit}`;
    const reserve = keepRemaining === undefined ? '' : `, and keepRemaining is ${keepRemaining}`;
    return `${Math.max(remaining, 0)}${of} manifest GETs are left${reserve}`;
  }

  #quotaOf(account: object): AccountQuota {
    const quota = this.#quotas.get(account) ?? new AccountQuota();
    this.#quotas.set(account, quota);
    return quota;
  }
}
