/**
 * What a run may spend of an upstream's quota of manifest GETs. What is left is read from the answers, as Docker Hub
 * gives it (`ratelimit-limit: 100;w=21600`, `ratelimit-remaining: 76;w=21600`), and never assumed.
 * https://docs.docker.com/docker-hub/usage/pulls/
 */
import type { Quota } from '../../engine/report.ts';
import { SourceError } from '../../engine/source.ts';
import type { HttpResponse } from './http-client.ts';

export interface BudgetSettings {
  /** So many manifest GETs are left to others; undefined: none. */
  readonly keepRemaining: number | undefined;
  /** So many manifest GETs are sent in a run, whoever's quota they come from; undefined: any number. */
  readonly manifestGetsPerRun: number | undefined;
}

export const NO_BUDGET: BudgetSettings = { keepRemaining: undefined, manifestGetsPerRun: undefined };

/** A manifest GET that is on its way. */
export interface Spending {
  /** Takes note of what the answer says; to be called once, also without an answer. */
  end(headers: HttpResponse['headers'] | undefined): void;
}

/** What is known of one account. */
class Purse {
  quota: Omit<Quota, 'account'> | undefined;
  /** The header of the last answer that tells what is left, if it is not understood. */
  riddle: string | undefined;
  /** Whether it was told, or would have been. */
  isAsked = false;
  /** GETs on their way: a part of them is not in what was told last. */
  inFlight = 0;
  /** GETs that were ever begun. */
  begun = 0;
}

export class Budget {
  readonly #upstream: string;
  readonly #settings: BudgetSettings;
  readonly #purses = new Map<object, Purse>();
  #sent = 0;
  /** Said once and kept: a reason that changed with each answer would be a reason a tag. */
  #exhausted: string | undefined;

  /** @param upstream as messages call it */
  constructor(upstream: string, settings: BudgetSettings) {
    this.#upstream = upstream;
    this.#settings = settings;
  }

  get isLimited(): boolean {
    const { keepRemaining, manifestGetsPerRun } = this.#settings;
    return keepRemaining !== undefined || manifestGetsPerRun !== undefined;
  }

  /** Why manifests are not asked for any more; undefined while they are. */
  get exhausted(): string | undefined {
    return this.#exhausted;
  }

  /** Of those that the upstream told. @param accounts all of them, in their order */
  quotasOf(accounts: readonly object[]): readonly Quota[] {
    return accounts.flatMap((account, index) => {
      const quota = this.#purses.get(account)?.quota;
      return quota === undefined ? [] : [{ account: index + 1, ...quota }];
    });
  }

  /** Whether what is left has to be asked for, by a HEAD that costs nothing, before the first GET. */
  isUnknown(account: object): boolean {
    return this.#settings.keepRemaining !== undefined && !this.#purse(account).isAsked;
  }

  /** @returns undefined when this account is to send no further manifest GET */
  spend(account: object): Spending | undefined {
    const { keepRemaining = -1, manifestGetsPerRun = Number.POSITIVE_INFINITY } = this.#settings;
    const purse = this.#purse(account);
    if (this.#isRiddle(purse)) return undefined;
    if (this.#sent >= manifestGetsPerRun) return undefined;
    if (purse.quota !== undefined && purse.quota.remaining - purse.inFlight <= keepRemaining)
      return undefined;
    const isAlone = purse.inFlight === 0;
    this.#sent += 1;
    purse.inFlight += 1;
    purse.begun += 1;
    const { begun } = purse;
    return {
      end: (headers) => {
        purse.inFlight -= 1;
        if (headers !== undefined) this.#note(purse, headers, isAlone && begun === purse.begun);
      },
    };
  }

  /** Takes note of what the answer to a HEAD says. */
  note(account: object, headers: HttpResponse['headers']): void {
    const purse = this.#purse(account);
    this.#note(purse, headers, purse.inFlight === 0);
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
    const isCountReached = this.#sent >= manifestGetsPerRun;
    const riddle = accounts.map((one) => this.#purse(one)).find((purse) => this.#isRiddle(purse))?.riddle;
    if (riddle !== undefined && !isCountReached) {
      throw new SourceError(
        `${this.#upstream} says "ratelimit-remaining: ${riddle}", which Lifeboat does not understand, so it cannot keep to keepRemaining. Remove keepRemaining from upstreams["${this.#upstream}"].budget to ask for manifests anyway.`,
      );
    }
    const why = isCountReached
      ? `manifestGetsPerRun is ${manifestGetsPerRun}`
      : this.#whatIsLeft(this.#purse(account));
    this.#exhausted ??= `The ${this.isLimited ? 'budget' : 'quota'} of ${this.#upstream} is used up: ${why}. The next run goes on from here.`;
    return this.#exhausted;
  }

  #isRiddle({ riddle }: Purse): boolean {
    return riddle !== undefined && this.#settings.keepRemaining !== undefined;
  }

  #whatIsLeft({ quota, inFlight }: Purse): string {
    const { keepRemaining } = this.#settings;
    // Those on their way will have taken theirs.
    const left = Math.max((quota?.remaining ?? 0) - inFlight, 0);
    const of = quota?.limit === undefined ? '' : ` of ${quota.limit}`;
    const kept = keepRemaining === undefined ? '' : `, and keepRemaining is ${keepRemaining}`;
    return `${left}${of} manifest GETs are left${kept}`;
  }

  #purse(account: object): Purse {
    const purse = this.#purses.get(account) ?? new Purse();
    this.#purses.set(account, purse);
    return purse;
  }

  /** @param isSure nothing else was on its way: else answers overtake each other, and the lowest is nearest the truth */
  #note(purse: Purse, headers: HttpResponse['headers'], isSure: boolean): void {
    purse.isAsked = true;
    const told = readQuota(headers);
    const said = headers.get('ratelimit-remaining')?.trim() ?? '';
    purse.riddle = told === undefined && said !== '' ? said.slice(0, 100) : undefined;
    if (told === undefined) return;
    const remaining =
      isSure || purse.quota === undefined ? told.remaining : Math.min(told.remaining, purse.quota.remaining);
    purse.quota = { ...told, remaining };
  }
}

function readQuota(headers: HttpResponse['headers']): Purse['quota'] {
  const remaining = readCount(headers.get('ratelimit-remaining'));
  if (remaining === undefined) return undefined;
  const limit = readCount(headers.get('ratelimit-limit'));
  const source = headers.get('docker-ratelimit-source') ?? undefined;
  return {
    remaining: remaining.count,
    limit: limit?.count,
    seconds: remaining.seconds ?? limit?.seconds,
    source: source?.replaceAll(/[^\x21-\x7E]+/g, ' ').slice(0, 100),
  };
}

/** `76;w=21600` means 76 requests in 21600 seconds. `-1` may mean none, or any number. */
function readCount(text: string | null): { count: number; seconds: number | undefined } | undefined {
  const [, count, seconds] = /^\s*(\d{1,15})\s*(?:;\s*w=(\d{1,15})\s*)?(?:[;,]|$)/.exec(text ?? '') ?? [];
  if (count === undefined) return undefined;
  return { count: Number(count), seconds: seconds === undefined ? undefined : Number(seconds) };
}
