/**
 * `MISSES`, an optional binding of a Queue: it gets the names of images that clients ask for and the bucket does not have.
 * No client waits for it, and no failure of it changes an answer. docs/decisions/0136
 */
import { MemoryCache } from '../cache/memory-cache.ts';
import type { EdgeRuntime } from '../isolate/edge-runtime.ts';
import type { WaitUntil } from '../isolate/request-context.ts';
import { SendBudget } from './send-budget.ts';
import type { SentMarkers } from './sent-markers.ts';

/** One message of the queue. It has names only: no client, no token, no address. */
export interface Miss {
  /** As `formatReference` of core/reference.ts writes it: `docker.io/library/nginx:1.27`, or `…@sha256:…`. */
  readonly reference: string;
}

/** The part of the binding that the edge needs. */
export interface MissBinding {
  send(miss: Miss, options: { readonly contentType: 'json' }): Promise<unknown>;
}

/** An image that was sent is not sent again for so long, because kubelets repeat a failing pull every few minutes. */
const REPEAT_AFTER_MS = 10 * 60 * 1000;

/**
 * The most messages that an isolate sends within a minute. A scanner that asks for thousands of names must not fill the
 * queue, and a cluster that starts seldom lacks as many images at once.
 */
export const MAX_PER_MINUTE = 60;

/** The most messages that an isolate sends within a day. Each costs three operations of Queues, which are billed. */
export const MAX_PER_DAY = 5000;

const MINUTE_MS = 60 * 1000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** The memory for the names that were sent: more than the 600 that can be sent until the first may be sent again. */
const MAX_BYTES = 512 * 1024;
/** About how much memory a map's entry takes beside its name. */
const OVERHEAD_BYTES = 256;

export interface MissQueueOptions extends Pick<EdgeRuntime, 'now' | 'onBackgroundFailure'> {
  readonly queue: MissBinding;
  readonly markers: SentMarkers;
}

export class MissQueue {
  readonly #options: MissQueueOptions;
  /** When each image was sent, in milliseconds since 1970. */
  readonly #sent = new MemoryCache<number>(MAX_BYTES);
  readonly #budgets: readonly { readonly budget: SendBudget; readonly bound: string }[];

  constructor(options: MissQueueOptions) {
    this.#options = options;
    const { now } = options;
    this.#budgets = [
      {
        budget: new SendBudget({ limit: MAX_PER_DAY, windowMs: DAY_MS, now }),
        bound: `${MAX_PER_DAY} misses within a day`,
      },
      {
        budget: new SendBudget({ limit: MAX_PER_MINUTE, windowMs: MINUTE_MS, now }),
        bound: `${MAX_PER_MINUTE} misses within a minute`,
      },
    ];
  }

  /**
   * Sends a miss in the background, unless it was sent within ten minutes or a bound is reached. Never throws.
   * @param cacheId the id of the bucket that lacks the image; undefined leaves the data centre's cache out
   */
  report(reference: string, cacheId: string | undefined, waitUntil: WaitUntil): void {
    const { now } = this.#options;
    const sentAtMs = this.#sent.get(reference);
    if (sentAtMs !== undefined && now() - sentAtMs < REPEAT_AFTER_MS) return;
    if (!this.#hasRoom(reference)) return;
    // The name is remembered before it is sent, so that requests that come together send it once.
    this.#remember(reference, now());
    waitUntil(this.#send(reference, cacheId));
  }

  /** Never rejects, because nothing but the runtime waits for it. */
  async #send(reference: string, cacheId: string | undefined): Promise<void> {
    const { queue, markers, now } = this.#options;
    if (cacheId !== undefined) {
      const markedAtMs = await markers.sentAtMs(cacheId, reference);
      if (markedAtMs !== undefined && now() - markedAtMs < REPEAT_AFTER_MS) {
        this.#remember(reference, markedAtMs);
        return;
      }
    }
    // Other misses may have taken the room during the wait for the cache.
    if (!this.#hasRoom(reference)) {
      this.#sent.delete(reference);
      return;
    }
    for (const { budget } of this.#budgets) budget.take();
    try {
      await queue.send({ reference }, { contentType: 'json' });
    } catch (error) {
      this.#sent.delete(reference);
      const reason = error instanceof Error ? error.message : String(error);
      this.#warn(reference, `The queue MISSES did not take this miss, which the log alone has: ${reason}`);
      return;
    }
    if (cacheId !== undefined) await markers.put(cacheId, reference, now(), REPEAT_AFTER_MS);
  }

  /** Warns once per window when a bound is reached. */
  #hasRoom(reference: string): boolean {
    const full = this.#budgets.find(({ budget }) => !budget.hasRoom);
    if (full === undefined) return true;
    if (full.budget.refuse()) {
      this.#warn(
        reference,
        `The queue MISSES got ${full.bound} from this isolate, which is the bound. Until that time is over, the log alone has further ones.`,
      );
    }
    return false;
  }

  #remember(reference: string, sentAtMs: number): void {
    this.#sent.set(reference, sentAtMs, 2 * reference.length + OVERHEAD_BYTES);
  }

  #warn(reference: string, failure: string): void {
    this.#options.onBackgroundFailure({ kind: 'miss', key: reference, failures: [failure] });
  }
}
