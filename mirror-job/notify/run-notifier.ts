/**
 * Tells the addresses of `notify` about one run. It never throws, and its time is bounded: a failure is a warning, and changes
 * nothing about the run.
 */
import { stateKey } from '../../core/layout.ts';
import type { Configuration, NotifyTarget, PingUrls } from '../configuration/configuration.ts';
import { exitCodeOf, type RunReport } from '../engine/report.ts';
import type { Clock, Log } from '../engine/runtime.ts';
import { decodeOrWarn } from '../engine/store/decode-object.ts';
import type { Store } from '../engine/store/store.ts';
import type { HttpClient } from '../sources/registry/http-client.ts';
import { addressId, sendMessage, sendPing } from './address.ts';
import { DELIVERY_LIMITS, type Delivery, type DeliveryLimits, type DeliveryTools } from './delivery.ts';
import { decodeMemory, encodeMemory, type Memory, type Told } from './memory.ts';
import { headlineOf, sectionsOf, type Message } from './message.ts';
import { newsFor, remember } from './news.ts';
import { secretsIn, type Confidential } from './notified-secrets.ts';
import { factsOf } from './problems.ts';

export interface NotifierTools {
  /** @param ca a PEM file with further root certificates */
  readonly connect: (ca: string | undefined) => Promise<HttpClient>;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: DeliveryLimits;
  /** Completes the commands that texts suggest; left out if there is no more to say than `lifeboat approve IMAGE`. */
  readonly complete?: (text: string) => string;
}

type MemoryStore = Pick<Store, 'get' | 'put'>;

/** How long the end of a run may wait for its notifications. */
export interface Patience {
  /** Ends the notifications when it is aborted. */
  readonly signal: AbortSignal;
  /** For all requests to addresses together; left out for `totalMs` of the limits. */
  readonly totalMs?: number;
}

/** For the write of the memory, which comes after the requests, so that one slow address does not take its time. */
const WRITE_MS = 5000;

const NO_MEMORY: Memory = new Map();

export class RunNotifier {
  readonly #configuration: Confidential & Pick<Configuration, 'name'>;
  readonly #tools: NotifierTools;
  readonly #hide: (text: string) => string;
  readonly #beginning = new AbortController();

  constructor(configuration: Confidential & Pick<Configuration, 'name'>, tools: NotifierTools) {
    this.#configuration = configuration;
    this.#tools = tools;
    const secrets = secretsIn(configuration);
    const { complete } = tools;
    this.#hide = (text) => secrets.hide(complete?.(text) ?? text);
  }

  /** Says that a run begins. A caller need not wait for it. */
  async begin(): Promise<void> {
    await this.#ping('start', this.#beginning.signal);
  }

  /**
   * Says how a run has ended. To be called when its report was written.
   * @param store keeps what was told; undefined if the bucket was never known, and then everything is told
   */
  async end(report: RunReport, store: MemoryStore | undefined, patience: Patience): Promise<void> {
    this.#beginning.abort();
    await this.#guard(patience, async (bounded) => {
      const exitCode = exitCodeOf(report);
      await Promise.all([
        this.#ping(exitCode === 0 ? 'success' : 'fail', bounded),
        this.#tell(report, exitCode, store, bounded, patience.signal),
      ]);
    });
  }

  /**
   * Says that a run could not begin, so that it has no report.
   * @param about tells apart two such runs
   */
  async refuse(sentence: string, about: string, patience: Patience): Promise<void> {
    this.#beginning.abort();
    await this.#guard(patience, async (bounded) => {
      const { name: mirror, notify } = this.#configuration;
      const line = { name: 'the run', text: sentence, count: 1 };
      const sections = sectionsOf([{ event: 'failed', state: 'new', lines: [line] }], this.#hide);
      const message: Message = {
        type: 'lifeboat.not-begun',
        mirror,
        at: this.#tools.clock.now().toISOString(),
        headline: `Lifeboat mirror ${mirror}: the run could not begin`,
        sections,
        next: 'Nothing was mirrored. Mend what the sentence names; the next run tries again.',
      };
      await Promise.all([
        this.#ping('fail', bounded),
        ...notify
          .filter(({ on }) => on.has('failed'))
          .map((target) => this.#send(target, message, about, bounded)),
      ]);
    });
  }

  async #tell(
    report: RunReport,
    exitCode: number,
    store: MemoryStore | undefined,
    signal: AbortSignal,
    whole: AbortSignal,
  ): Promise<void> {
    const { name: mirror, notify } = this.#configuration;
    const targets = notify.filter(({ url }) => url !== undefined);
    if (targets.length === 0) return;
    const facts = factsOf(report);
    const now = new Date(report.ended);
    const key = stateKey(mirror, 'notified.json');
    const { memory, condition } = await this.#read(store, key, signal);
    const told = await Promise.all(
      targets.map(async (target) => {
        const id = await addressId(target);
        const decision = newsFor({ ...target, id }, facts, memory, now);
        if (decision.news.length === 0) return [id, decision.told] as const;
        const sections = sectionsOf(decision.news, this.#hide);
        const message: Message = {
          type: 'lifeboat.run',
          mirror,
          at: report.ended,
          headline: headlineOf(mirror, sections),
          run: { run: report.run, begun: report.begun, ended: report.ended, exitCode, counts: report.counts },
          sections,
          next: `The whole report is ${stateKey(mirror, 'last-run.json')} in the bucket.`,
        };
        const isDelivered = await this.#send(target, message, report.run, signal);
        return [id, isDelivered ? decision.told : toldBefore(memory, id)] as const;
      }),
    );
    if (store === undefined || condition === undefined) return;
    const bytes = encodeMemory(remember(facts, memory, new Map(told), now));
    // A conflict means that another run has told its own news meanwhile.
    const writing = AbortSignal.any([whole, AbortSignal.timeout(WRITE_MS)]);
    await within(writing, store.put(key, bytes, { contentType: 'application/json', condition })).catch(
      (error: unknown) =>
        this.#warn(`${messageOf(error)} What was told is not noted, so the next run tells it again.`),
    );
  }

  /** @returns no condition if the memory cannot be written either */
  async #read(store: MemoryStore | undefined, key: string, signal: AbortSignal) {
    if (store === undefined) return { memory: NO_MEMORY, condition: undefined };
    try {
      const stored = await within(signal, store.get(key));
      const consequence = 'Everything is told once more.';
      const memory =
        stored === undefined
          ? NO_MEMORY
          : (decodeOrWarn(this.#tools.log, consequence, () => decodeMemory(key, stored.bytes)) ?? NO_MEMORY);
      const condition = stored === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: stored.etag };
      return { memory, condition };
    } catch (error) {
      this.#warn(`${messageOf(error)} Everything is told once more.`);
      return { memory: NO_MEMORY, condition: undefined };
    }
  }

  /** @returns whether it was delivered. A failure is a warning */
  async #send(target: NotifyTarget, message: Message, about: string, signal: AbortSignal): Promise<boolean> {
    const tools = await this.#toolsFor(target, signal);
    const delivery = await sendMessage(target, message, about, tools);
    return this.#judge(delivery, `${target.name}: the message was not sent: the address`);
  }

  async #ping(which: keyof PingUrls, signal: AbortSignal): Promise<void> {
    await Promise.all(
      this.#configuration.notify.map(async (target) => {
        if (target.ping[which] === undefined) return;
        const delivery = await sendPing(target, which, await this.#toolsFor(target, signal));
        // The end of the run has overtaken the ping of its beginning.
        if (which === 'start' && signal.aborted) return;
        this.#judge(delivery, `${target.name}: the ping "${which}" was not sent: the address`);
      }),
    ).catch((error: unknown) => this.#warn(`The ping "${which}" was not sent: ${messageOf(error)}`));
  }

  #judge(delivery: Delivery | undefined, subject: string): boolean {
    if (delivery === undefined || delivery.isDelivered) return true;
    this.#warn(`${subject} ${delivery.why}`);
    return false;
  }

  async #toolsFor({ ca }: NotifyTarget, signal: AbortSignal): Promise<DeliveryTools> {
    const { connect, clock, limits = DELIVERY_LIMITS } = this.#tools;
    return { client: await connect(ca), clock, limits, signal };
  }

  /** Bounds all work on one run. */
  async #guard(
    { signal, totalMs = (this.#tools.limits ?? DELIVERY_LIMITS).totalMs }: Patience,
    work: (bounded: AbortSignal) => Promise<void>,
  ): Promise<void> {
    try {
      await work(AbortSignal.any([signal, AbortSignal.timeout(totalMs)]));
    } catch (error) {
      this.#warn(`Not all was told about this run: ${messageOf(error)}`);
    }
  }

  #warn(sentence: string): void {
    this.#tools.log.warn(this.#hide(sentence));
  }
}

function toldBefore(memory: Memory, id: string): ReadonlyMap<string, Told> {
  return new Map(
    [...memory].flatMap(([key, { told }]) => {
      const before = told.get(id);
      return before === undefined ? [] : [[key, before] as const];
    }),
  );
}

/** @throws the signal's reason, whatever the work does then */
async function within<Value>(signal: AbortSignal, work: Promise<Value>): Promise<Value> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
