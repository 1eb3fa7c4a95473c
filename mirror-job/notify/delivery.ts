/** Sends one request of a notification, and tries again what may pass. It never takes long, and never throws. */
import { brief } from '../../core/printable.ts';
import type { Clock } from '../engine/runtime.ts';
import { withRetries } from '../engine/support/retry.ts';
import { TimeoutError } from '../engine/support/timeout-error.ts';
import type { HttpClient, HttpResponse } from '../sources/registry/http-client.ts';
import { parseRetryAfter } from '../sources/registry/pace/retry-after.ts';
import { RETRYABLE_STATUSES } from '../sources/registry/response/statuses.ts';
import { reasonOf } from '../sources/registry/send.ts';
import { hiddenPartsOf } from './hidden-address.ts';

/** In milliseconds, but for `attempts`. */
export interface DeliveryLimits {
  readonly attempts: number;
  /** Until an answer begins. */
  readonly timeoutMs: number;
  /** Before the second attempt; the next pauses are longer. */
  readonly pauseMs: number;
  /** A longer Retry-After is not waited for. */
  readonly longestPauseMs: number;
  /** For all attempts together. */
  readonly totalMs: number;
}

export const DELIVERY_LIMITS: DeliveryLimits = {
  attempts: 3,
  timeoutMs: 10_000,
  pauseMs: 1000,
  longestPauseMs: 10_000,
  totalMs: 40_000,
};

export interface DeliveryTools {
  readonly client: HttpClient;
  readonly clock: Clock;
  readonly limits: DeliveryLimits;
  /** Ends the delivery when it is aborted. */
  readonly signal: AbortSignal;
}

export interface Parcel {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly body?: string;
  /** Made for each attempt, because it has a time. */
  readonly headers?: (at: Date) => Promise<Record<string, string>>;
}

/** The end of a delivery: the status that took it, or why it failed: the end of a sentence that names the address. */
export type Delivery =
  | { readonly isDelivered: true; readonly status: number }
  | { readonly isDelivered: false; readonly why: string };

const MAX_ANSWER_CHARACTERS = 200;
const EXPLANATION_MS = 2000;

class AttemptFailed extends Error {
  override readonly name = 'AttemptFailed';
  /** Undefined if another attempt would end in the same way. */
  readonly pauseMs: number | undefined;

  constructor(why: string, pauseMs: number | undefined) {
    super(why);
    this.pauseMs = pauseMs;
  }
}

export async function deliver(parcel: Parcel, tools: DeliveryTools): Promise<Delivery> {
  const { clock, limits } = tools;
  const signal = AbortSignal.any([tools.signal, AbortSignal.timeout(limits.totalMs)]);
  try {
    const status = await withRetries(() => attempt(parcel, { ...tools, signal }), {
      attempts: limits.attempts,
      isRetryable: (error) =>
        error instanceof AttemptFailed && (error.pauseMs ?? Infinity) <= limits.longestPauseMs,
      pause: async (number, error) => {
        const asked = error instanceof AttemptFailed ? (error.pauseMs ?? 0) : 0;
        await clock.sleep(Math.max(asked, limits.pauseMs * 2 ** (number - 1)), signal);
      },
    });
    return { isDelivered: true, status };
  } catch (error) {
    if (error instanceof AttemptFailed) return { isDelivered: false, why: error.message };
    const why = signal.aborted ? 'did not take it in the time that there was.' : `failed: ${String(error)}`;
    return { isDelivered: false, why };
  }
}

/** @returns the status. @throws {AttemptFailed} and the signal's reason */
async function attempt(
  { method, url, body, headers }: Parcel,
  { client, clock, limits: { timeoutMs }, signal }: DeliveryTools,
): Promise<number> {
  const own = (await headers?.(clock.now())) ?? {};
  let response: HttpResponse;
  try {
    response = await client(new URL(url), {
      method,
      headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...own },
      signal,
      timeoutMs,
      ...(body !== undefined && { body }),
    });
  } catch (error) {
    signal.throwIfAborted();
    const why =
      error instanceof TimeoutError && error.waitedFor === 'an answer'
        ? `did not answer within ${timeoutMs / 1000} s.`
        : `cannot be reached (${reasonOf(error)}).`;
    throw new AttemptFailed(why, 0);
  }
  const { status } = response;
  if (status >= 200 && status < 300) {
    response.discard();
    return status;
  }
  if (status >= 300 && status < 400) {
    response.discard();
    // The other host could be anybody's.
    throw new AttemptFailed(
      `answered ${status}, a redirect, which is not followed. Write the address that it leads to.`,
      undefined,
    );
  }
  const isRetryable = RETRYABLE_STATUSES.has(status) || status >= 500;
  const pauseMs = isRetryable
    ? (parseRetryAfter(response.headers.get('Retry-After'), clock.now()) ?? 0)
    : undefined;
  const said = await beginningOf(response, url);
  throw new AttemptFailed(`answered ${status}${said === '' ? '.' : `: ${said}`}`, pauseMs);
}

/** The words with which a server explains its refusal, such as `invalid_blocks`, without parts of its address. */
async function beginningOf(response: HttpResponse, url: string): Promise<string> {
  const decoder = new TextDecoder();
  // A part of the address that begins within the shown characters is read as a whole, or it would not be recognised.
  const readCharacters = MAX_ANSWER_CHARACTERS + url.length;
  let text = '';
  // A server that never ends its explanation must not take the time of the next attempt.
  const timer = setTimeout(() => response.discard(), EXPLANATION_MS);
  try {
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length >= readCharacters) break;
    }
  } catch {
    // The status says enough.
  } finally {
    clearTimeout(timer);
    response.discard();
  }
  const hidden = hiddenPartsOf(url).hide(text.slice(0, readCharacters));
  // The end may be half of such a part.
  const whole = text.length >= readCharacters ? hidden.slice(0, -url.length) : hidden;
  return brief(whole.slice(0, MAX_ANSWER_CHARACTERS).trim());
}
