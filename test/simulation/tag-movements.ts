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
}

export class TagMovements {
  readonly #upstreams: readonly Upstream[];
  /** By repository, tag and version. */
  readonly #versions = new Map<string, Version>();

  constructor(upstreams: readonly Upstream[]) {
    this.#upstreams = upstreams;
  }

  /** Notes that a version reached the bucket that its writer reads. */
  commit(key: string, object: Uint8Array): void {
    this.#versionOf(key, object).isCommitted = true;
  }

  /** @throws {Violation} */
  check(store: WatchedStore, key: string, before: StoredObject | undefined): void {
    const after = store.objects.get(key);
    if (readKey(key)?.folder !== 'tags') return;
    if (after === undefined) throw new Violation('a tag is gone', `${store.name} ${key}`);
    const version = this.#versionOf(key, after.bytes);
    if (before === undefined) return;
    const old = this.#versionOf(key, before.bytes);
    const [from, to] = [readTag(before.bytes), readTag(after.bytes)];
    if (!old.isCommitted || to.run.startsWith(BY_HAND)) return;
    const what = `${store.name} ${key} went from ${describe(from)} to ${describe(to)}`;
    if (from.hold !== undefined && (to.hold !== from.hold || to.digest !== from.digest)) {
      throw new Violation('a hold was lost', what);
    }
    if (version.order < old.order) throw new Violation('a tag went back unasked', what);
  }

  #versionOf(key: string, object: Uint8Array): Version {
    const { digest, version } = readTag(object);
    const name = `${key} ${version}`;
    const known = this.#versions.get(name);
    if (known !== undefined) return known;
    const { repository = '', name: tag = '' } = readKey(key) ?? {};
    const upstream = this.#upstreams.find((one) => one.repository === repository);
    const made = { order: upstream?.ordersOf(tag, digest).last ?? -1, isCommitted: false };
    this.#versions.set(name, made);
    return made;
  }
}

function describe({ digest, hold, run }: ReturnType<typeof readTag>): string {
  return `${digest.slice(0, 15)}${hold === undefined ? '' : ` (${hold})`} of ${run}`;
}
