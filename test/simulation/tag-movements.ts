/**
 * Follows every tag of every bucket. A tag may go forward in the order in which upstream has shown its digests. It may go back
 * only if a person asked for it, or if nobody could count on the version that it leaves: a run that died before the bucket that
 * is read first had it.
 */
import type { StoredObject } from '../../mirror-job/engine/store/store.ts';
import { readKey, readTag } from './bucket-check.ts';
import type { Upstream } from './upstream.ts';
import { Violation } from './violation.ts';
import type { WatchedStore } from './watched-store.ts';

/** The names of runs by hand begin so. */
export const BY_HAND = 'hand';

interface Version {
  /** The last time that upstream had shown the digest when the version was made. */
  readonly order: number;
  /** Whether a bucket that is read has it, so that it may not be undone. */
  isCommitted: boolean;
  /** Whether the store that is listed first had it. A version that it never had may give way in a later store (docs/decisions/0008). */
  wasInFirst: boolean;
}

export class TagMovements {
  readonly #upstreams: readonly Upstream[];
  readonly #isStrict: boolean;
  /** By repository, tag and version. */
  readonly #versions = new Map<string, Version>();
  /** By the name of a store and the key of a tag: the digests that it had there, the newest last. */
  readonly #had = new Map<string, string[]>();

  /** @param isStrict whether later stores count too (docs/decisions/0181) */
  constructor(upstreams: readonly Upstream[], isStrict: boolean) {
    this.#upstreams = upstreams;
    this.#isStrict = isStrict;
  }

  /** Notes that a version reached the bucket that its writer reads. */
  commit(key: string, object: Uint8Array): void {
    this.#versionOf(key, object).isCommitted = true;
  }

  /** @throws {Violation} */
  check(store: WatchedStore, key: string, before: StoredObject | undefined, isFirst: boolean): void {
    const after = store.objects.get(key);
    if (readKey(key)?.folder !== 'tags') return;
    // A prune may delete it, which is checked elsewhere. Its history goes with it.
    if (after === undefined) {
      this.#had.delete(`${store.name} ${key}`);
      return;
    }
    // A later store may have had a digest for a moment that none of its records tells of.
    if (isFirst || this.#isStrict) this.#note(`${store.name} ${key}`, readTag(after.bytes).digest);
    const version = this.#versionOf(key, after.bytes);
    if (isFirst) version.wasInFirst = true;
    if (before === undefined) return;
    const old = this.#versionOf(key, before.bytes);
    const [from, to] = [readTag(before.bytes), readTag(after.bytes)];
    const counts = isFirst || (this.#isStrict && old.wasInFirst);
    if (!old.isCommitted || !counts || to.run.startsWith(BY_HAND)) return;
    const what = `${store.name} ${key} went from ${describe(from)} to ${describe(to)}`;
    if (from.hold !== undefined && (to.hold !== from.hold || to.digest !== from.digest)) {
      throw new Violation('a hold was lost', what);
    }
    if (version.order < old.order) throw new Violation('a tag went back unasked', what);
  }

  #note(name: string, digest: string): void {
    const others = (this.#had.get(name) ?? []).filter((one) => one !== digest);
    this.#had.set(name, [...others, digest]);
  }

  /** Whether a digest is among the newest of a tag that is still there. */
  keeps(store: WatchedStore, repository: string, digest: string, history: number): boolean {
    const tags = `repositories/${repository}/_tags/`;
    return [...this.#had].some(
      ([name, digests]) =>
        name.startsWith(`${store.name} ${tags}`) &&
        store.objects.has(name.slice(store.name.length + 1)) &&
        digests.slice(-history).includes(digest),
    );
  }

  #versionOf(key: string, object: Uint8Array): Version {
    const { digest, version } = readTag(object);
    const name = `${key} ${version}`;
    const known = this.#versions.get(name);
    if (known !== undefined) return known;
    const { repository = '', name: tag = '' } = readKey(key) ?? {};
    const upstream = this.#upstreams.find((one) => one.repository === repository);
    const made = { order: upstream?.ordersOf(tag, digest).last ?? -1, isCommitted: false, wasInFirst: false };
    this.#versions.set(name, made);
    return made;
  }
}

function describe({ digest, hold, run }: ReturnType<typeof readTag>): string {
  return `${digest.slice(0, 15)}${hold === undefined ? '' : ` (${hold})`} of ${run}`;
}
