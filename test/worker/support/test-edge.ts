/** Runs an edge whose clock moves only when a test moves it, and records its reads of stores. */
import { readConfiguration } from '../../../worker/configuration/configuration.ts';
import { Edge } from '../../../worker/edge.ts';
import type { BackgroundFailure } from '../../../worker/isolate/failure.ts';
import { LIMITS } from '../../../worker/isolate/limits.ts';
import type { MissBinding } from '../../../worker/misses/miss-queue.ts';
import type { Event, Log } from '../../../worker/log.ts';
import type { ReadableBucket } from '../../../worker/configuration/store-configuration.ts';
import type { TestBucket } from './bucket.ts';

export const ORIGIN = 'https://mirror.example.com';

/** Decides the result of a read of a store; undefined lets the read through. The key comes without its prefix. */
export type Fault = (key: string, store: number, edge: TestEdge) => Promise<Response> | Response | undefined;

export interface TestEdgeOptions {
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly cache?: Pick<Cache, 'match' | 'put' | 'delete'>;
  /** Is called in addition to `events`. */
  readonly log?: Log;
  readonly missBinding?: MissBinding;
}

export class TestEdge {
  /** Every read in its order, as `<store> <key>`. */
  readonly reads: string[] = [];
  /** The options of each request to an S3 store. */
  readonly sent: RequestInit[] = [];
  readonly events: Event[] = [];
  readonly refreshFailures: BackgroundFailure[] = [];
  /**
   * The time in milliseconds since 1970, which only tests move. It begins with today, because S3 checks the dates of
   * signatures.
   */
  now = Date.now();
  fault: Fault = () => undefined;
  /** The delays, in milliseconds, of all timers that went off. */
  readonly expired: number[] = [];
  readonly #timers = new Map<() => void, { readonly milliseconds: number; readonly due: number }>();
  readonly #edge: Edge;
  readonly #background: Promise<unknown>[] = [];

  constructor(buckets: readonly TestBucket[], options: TestEdgeOptions = {}) {
    const variables: Record<string, unknown> = {};
    for (const bucket of buckets) Object.assign(variables, bucket.variables);
    Object.assign(variables, options.variables);
    const { BUCKET } = variables;
    if (isBucket(BUCKET)) variables['BUCKET'] = { get: this.#countedBucket(BUCKET, buckets) };
    this.#edge = new Edge(readConfiguration(variables), {
      fetch: (url, init) => this.#countedFetch(url, init, buckets),
      cache: options.cache ?? caches.default,
      missBinding: options.missBinding,
      now: () => this.now,
      startTimer: (milliseconds, fire) => this.#startTimer(milliseconds, fire),
      limits: LIMITS,
      onBackgroundFailure: (failure) => this.refreshFailures.push(failure),
      log: (event) => {
        this.events.push(event);
        options.log?.(event);
      },
    });
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.request('GET', path, headers);
  }

  head(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.request('HEAD', path, headers);
  }

  request(method: string, path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#edge.handle(
      new Request(new URL(path, ORIGIN), { method, headers, redirect: 'manual' }),
      (work) => this.#background.push(work),
    );
  }

  /** How much work goes on after the answers. */
  get backgroundWork(): number {
    return this.#background.length;
  }

  /** Waits for the work that goes on after the answers. */
  async settle(): Promise<void> {
    while (this.#background.length > 0) await this.#background.shift();
  }

  /** Makes all timers go off, and moves the clock by their delays, without real waiting. */
  expireTimers(): void {
    for (const [fire, { milliseconds }] of this.#timers) {
      this.#timers.delete(fire);
      this.expired.push(milliseconds);
      this.now += milliseconds;
      fire();
    }
  }

  /** Moves the clock, and makes the timers go off that are due by then. */
  async pass(milliseconds: number): Promise<void> {
    this.now += milliseconds;
    for (const [fire, timer] of this.#timers) {
      if (timer.due > this.now) continue;
      this.#timers.delete(fire);
      this.expired.push(timer.milliseconds);
      fire();
    }
    // The turns let the requests go on that the timers woke, even if that takes several events.
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
  }

  /** Returns the reads since the last call. */
  takeReads(): string[] {
    return this.reads.splice(0);
  }

  #startTimer(milliseconds: number, fire: () => void): () => void {
    this.#timers.set(fire, { milliseconds, due: this.now + milliseconds });
    return () => this.#timers.delete(fire);
  }

  #countedBucket(bucket: ReadableBucket, buckets: readonly TestBucket[]): R2Bucket['get'] {
    const prefix = buckets[0]?.prefix ?? '';
    return async (key: string, options?: R2GetOptions) => {
      this.reads.push(`1 ${key.slice(prefix.length)}`);
      const broken = this.fault(key.slice(prefix.length), 1, this);
      if (broken !== undefined) throw new Error(`R2 said ${(await broken).status}`);
      return bucket.get(key, options ?? {});
    };
  }

  async #countedFetch(url: string, init: RequestInit, buckets: readonly TestBucket[]): Promise<Response> {
    const { pathname } = new URL(url);
    const index = buckets.findIndex(({ prefix }) => pathname.includes(`/${prefix}`));
    const prefix = buckets[index]?.prefix ?? '';
    const key = pathname.slice(pathname.indexOf(prefix) + prefix.length);
    this.reads.push(`${index + 1} ${key}`);
    this.sent.push(init);
    const broken = this.fault(key, index + 1, this);
    return broken === undefined ? fetch(url, init) : broken;
  }
}

function isBucket(value: unknown): value is ReadableBucket {
  return typeof value === 'object' && value !== null && 'get' in value;
}
