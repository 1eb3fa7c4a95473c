/** An upstream as one process reaches it: each call waits for its step, and may have a fault. */
import { parseDescriptor } from '../../core/descriptor.ts';
import { parseDigest, type Digest } from '../../core/digest.ts';
import { parseTag, type Tag } from '../../core/reference.ts';
import {
  SourceError,
  TooLongError,
  type ReferrerList,
  type Resolved,
  type Source,
  type SourceManifest,
} from '../../mirror-job/engine/source.ts';
import { bytesOf } from '../support/content.ts';
import type { Faults, SourceFault } from './faults.ts';
import type { Actor, Scheduler } from './scheduler.ts';
import type { Upstream } from './upstream.ts';

export class SimulatedSource implements Source {
  readonly name: string;
  readonly #upstream: Upstream;
  readonly #actor: Actor;
  readonly #scheduler: Scheduler;
  readonly #faults: Faults;
  #tags: Promise<readonly Tag[]> | undefined;

  constructor(upstream: Upstream, actor: Actor, scheduler: Scheduler, faults: Faults) {
    this.name = `upstream/${upstream.path}`;
    this.#upstream = upstream;
    this.#actor = actor;
    this.#scheduler = scheduler;
    this.#faults = faults;
  }

  tags(): Promise<readonly Tag[]> {
    this.#tags ??= this.#call('tags', () => [...this.#upstream.tags.keys()].map((tag) => parseTag(tag)));
    return this.#tags;
  }

  resolve(tag: Tag): Promise<Resolved | undefined> {
    return this.#call(`resolve ${tag}`, () => {
      const digest = this.#upstream.tags.get(tag);
      return digest === undefined ? undefined : { digest: parseDigest(digest) };
    });
  }

  manifest(reference: Tag | Digest, limit = Infinity): Promise<SourceManifest | undefined> {
    return this.#call(`manifest ${reference}`, () => {
      const digest = this.#upstream.tags.get(reference) ?? reference;
      const manifest = this.#upstream.content.repository.manifests.get(digest);
      if (manifest === undefined) return undefined;
      const { bytes, mediaType } = manifest;
      if (bytes.length > limit) throw new TooLongError(`${this.name} sent too much.`, limit);
      return { digest: parseDigest(digest), bytes: new Uint8Array(bytes), mediaType };
    });
  }

  async blob(digest: Digest, _size: number, offset: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const fault = await this.#call(`blob ${digest} ${offset}`, () => this.#faults.ofSource(true), false);
    if (fault === 'fails' || fault === 'dies before' || fault === 'stopped') this.#suffer(fault);
    const blob = this.#upstream.content.repository.blobs.get(digest);
    if (blob === undefined) return undefined;
    return this.#send(digest, new Uint8Array(await bytesOf(blob)).subarray(offset), fault);
  }

  async *#send(
    digest: Digest,
    bytes: Uint8Array,
    fault: SourceFault | undefined,
  ): AsyncGenerator<Uint8Array> {
    if (fault !== undefined) this.#scheduler.note(`      ${fault}`);
    const half = Math.ceil(bytes.length / 2);
    const wrong = fault === 'wrong bytes' ? bytes.map((byte) => byte ^ 1) : bytes;
    if (half > 0) yield wrong.subarray(0, half);
    await this.#call(`more of ${digest}`, () => {});
    if (fault === 'cut short') throw new SourceError(`${this.name} cut ${digest} short.`);
    if (half < bytes.length) yield wrong.subarray(half);
    if (fault === 'too long') yield new Uint8Array([0]);
  }

  referrers(subject: Digest): Promise<ReferrerList> {
    return this.#call(`referrers ${subject}`, () => {
      const all = this.#upstream.content.referrers.get(subject) ?? [];
      return { descriptors: all.map((one) => parseDescriptor(one, 'a referrer')) };
    });
  }

  isPublic(digest: Digest): Promise<boolean> {
    return this.#call(`is public ${digest}`, () => true);
  }

  #call<Value>(label: string, answer: () => Value, mayFail = true): Promise<Value> {
    const make = async (): Promise<Value> => {
      if (mayFail) this.#suffer(this.#faults.ofSource(false));
      return answer();
    };
    return this.#scheduler.call(this.#actor, `${this.name} ${label}`, make);
  }

  #suffer(fault: SourceFault | undefined): void {
    if (fault === undefined) return;
    this.#scheduler.note(`      ${fault}`);
    if (fault === 'stopped') this.#actor.stop.abort(new Error('The process was told to stop.'));
    if (fault === 'dies before') this.#scheduler.kill(this.#actor);
    if (fault === 'fails') throw new SourceError(`${this.name} fails.`);
  }
}
