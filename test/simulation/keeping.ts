/** The content that a prune must leave, said without the engine's own code, and the same for the engine as its retention. */
import { parseDigest } from '../../core/digest.ts';
import { parseRepository, parseTag } from '../../core/reference.ts';
import {
  policies,
  type PolicyOf,
  type UsedReference,
} from '../../mirror-job/engine/maintenance/repository-policy.ts';
import { MIN_GRACE_MS } from '../../mirror-job/engine/maintenance/retention.ts';
import type { StoredObject } from '../../mirror-job/engine/store/store.ts';
import type { Digest } from '../support/content.ts';
import { readKey, readTag } from './bucket-check.ts';
import type { Decisions } from './decisions.ts';
import { ALL_TAGS } from './selected-tags.ts';
import type { TagMovements } from './tag-movements.ts';
import type { Upstream } from './upstream.ts';
import { Violation } from './violation.ts';
import type { WatchedStore } from './watched-store.ts';

const DAY_MS = 24 * 3_600_000;
/** The documented grace, and not the engine's constant. Clocks differ by seconds. */
const GRACE_MS = 25 * 3_600_000 - 10_000;

/** An image that a cluster runs. */
interface Used {
  readonly upstream: Upstream;
  readonly digest: Digest;
  /** Undefined if the cluster names the digest alone. */
  readonly tag: string | undefined;
}

export class Keeping {
  /** How many digests of each tag stay. */
  readonly history: number;
  readonly keepMs: number;
  /** The digests that the configuration names. */
  readonly pins: readonly { readonly upstream: Upstream; readonly digest: Digest }[];
  readonly #used: Used[] = [];
  readonly #upstreams: readonly Upstream[];

  constructor(decisions: Decisions, upstreams: readonly Upstream[]) {
    this.#upstreams = upstreams;
    this.history = decisions.oneOf([1, 1, 2]);
    this.keepMs = decisions.oneOf([0, 0, DAY_MS]);
    this.pins = upstreams.flatMap((upstream) =>
      decisions.happens(4) ? [{ upstream, digest: decisions.oneOf(upstream.content.images) }] : [],
    );
  }

  /** Changes what clusters run. To be called while no process is at work, because a prune reads it once. */
  changeUse(decisions: Decisions): void {
    this.#used.splice(0);
    for (const upstream of this.#upstreams) {
      if (!decisions.happens(4)) continue;
      const digest = decisions.oneOf(upstream.content.images);
      this.#used.push({ upstream, digest, tag: decisions.happens(3) ? 'one' : undefined });
    }
  }

  policyOf(): PolicyOf {
    const retention = { history: this.history, keepMs: this.keepMs, keep: [] };
    return policies({
      entries: this.#upstreams.map((upstream) => ({
        repository: parseRepository(upstream.repository),
        tags: ALL_TAGS,
        digests: this.pinsOf(upstream).map((digest) => parseDigest(digest)),
        retention,
      })),
      retention,
      used: this.#used.map(({ upstream, tag, digest }): UsedReference => ({
        repository: parseRepository(upstream.repository),
        tag: tag === undefined ? undefined : parseTag(tag),
        digest: parseDigest(digest),
      })),
      others: new Map(),
    });
  }

  get graceMs(): number {
    return MIN_GRACE_MS;
  }

  pinsOf(upstream: Upstream): Digest[] {
    return this.pins.flatMap((pin) => (pin.upstream === upstream ? [pin.digest] : []));
  }

  /** @returns the digests of a repository that stay if they are there, whatever its tags are */
  namedDigests(repository: string): Digest[] {
    return [...this.pins, ...this.#used].flatMap((one) =>
      one.upstream.repository === repository ? [one.digest] : [],
    );
  }

  isTagUsed(upstream: Upstream, tag: string): boolean {
    return this.#used.some((one) => one.upstream === upstream && one.tag === tag);
  }

  /** @param nowMs the time of the deletion. @throws {Violation} if the object had to stay */
  checkDeletion(
    store: WatchedStore,
    key: string,
    before: StoredObject,
    { nowMs, movements }: { readonly nowMs: number; readonly movements: TagMovements },
  ): void {
    const parts = readKey(key);
    if (parts === undefined) return;
    const { repository, folder, name } = parts;
    const upstream = this.#upstreams.find((one) => one.repository === repository);
    const what = `${store.name} ${key}`;
    if (folder === 'manifests') {
      const digest = name.replace('/', ':');
      if (this.namedDigests(repository).includes(digest))
        throw new Violation('an image in use is gone', what);
      if (movements.keeps(store, repository, digest, this.history))
        throw new Violation('history is lost', what);
    }
    if (folder !== 'tags') return;
    if (readTag(before.bytes).hold !== undefined) throw new Violation('a hold was lost', what);
    if (upstream !== undefined && this.isTagUsed(upstream, name))
      throw new Violation('a tag in use is gone', what);
    const sinceMs = upstream?.firstDeletedMs.get(name) ?? Infinity;
    if (nowMs - sinceMs < this.keepMs + GRACE_MS) throw new Violation('a tag is gone', what);
  }
}
