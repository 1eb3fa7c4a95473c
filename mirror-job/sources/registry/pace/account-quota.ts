/**
 * The quota of manifest GETs that one account has, as the registry's responses say it (`ratelimit-limit: 100;w=21600`,
 * `ratelimit-remaining: 76;w=21600`).
 * https://docs.docker.com/docker-hub/usage/pulls/
 */
import type { Quota } from '../../../engine/source.ts';
import type { HttpResponse } from '../http-client.ts';

type Headers = HttpResponse['headers'];

export class AccountQuota {
  #quota: Omit<Quota, 'account'> | undefined;
  #notUnderstood: string | undefined;
  #isAsked = false;
  #inFlight = 0;
  #manifestGets = 0;

  /** The quota that the registry said last; undefined while it has said nothing. */
  get quota(): Omit<Quota, 'account'> | undefined {
    return this.#quota;
  }

  /** The header of the last response that says what is left, if Lifeboat does not understand it. */
  get notUnderstood(): string | undefined {
    return this.#notUnderstood;
  }

  /** Whether a response has arrived that says what is left, if the registry says it at all. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /**
   * How many GETs are left when those on their way have taken theirs; below zero when there are more of those.
   * @returns undefined while the registry has said nothing
   */
  get remaining(): number | undefined {
    return this.#quota === undefined ? undefined : this.#quota.remaining - this.#inFlight;
  }

  /**
   * A manifest GET is sent.
   * @returns takes note of its response; to be called once, also without a response
   */
  begin(): (headers: Headers | undefined) => void {
    const isAlone = this.#inFlight === 0;
    this.#manifestGets += 1;
    this.#inFlight += 1;
    const getNumber = this.#manifestGets;
    return (headers) => {
      this.#inFlight -= 1;
      if (headers !== undefined) this.#note(headers, isAlone && getNumber === this.#manifestGets);
    };
  }

  /** Takes note of the response to a HEAD, which costs nothing. */
  note(headers: Headers): void {
    this.#note(headers, this.#inFlight === 0);
  }

  /**
   * @param isAlone whether no GET was on its way meanwhile. Otherwise responses overtake each other, and the lowest number is
   *   nearest the truth
   */
  #note(headers: Headers, isAlone: boolean): void {
    this.#isAsked = true;
    const quota = readQuota(headers);
    const text = headers.get('ratelimit-remaining')?.trim() ?? '';
    this.#notUnderstood = quota === undefined && text !== '' ? text.slice(0, 100) : undefined;
    if (quota === undefined) return;
    const remaining =
      isAlone || this.#quota === undefined
        ? quota.remaining
        : Math.min(quota.remaining, this.#quota.remaining);
    this.#quota = { ...quota, remaining };
  }
}

function readQuota(headers: Headers): Omit<Quota, 'account'> | undefined {
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
