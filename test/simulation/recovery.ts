/** Checks a world after a run that ended without a fault: all that was asked for is there, and buckets are equal. */
import { readRepositoryIndex } from '../../core/repository-index.ts';
import { decodeTagList } from '../../core/tag-list.ts';
import type { RunReport } from '../../mirror-job/engine/report.ts';
import { checkTags, readKey, tagIn } from './bucket-check.ts';
import type { Upstream } from './upstream.ts';
import { Violation } from './violation.ts';
import type { WatchedStore } from './watched-store.ts';
import type { World } from './world.ts';

/** @throws {Violation} */
export function checkRecovery(world: World, report: RunReport): void {
  const bad = report.items.filter(
    ({ reference, outcome }) => outcome.result === 'failed' && reference !== 'liar',
  );
  if (bad.length > 0) throw new Violation('a run without faults fails', JSON.stringify(bad));
  const behind = (report.stores ?? []).filter(({ state }) => state !== 'in step');
  if (behind.length > 0) throw new Violation('a store stays behind', JSON.stringify(behind));
  for (const store of world.stores) {
    checkTags(store);
    for (const upstream of world.upstreams) {
      checkUpstream(world, store, upstream);
      // A later store may lack a list that the first one has (docs/decisions/0181).
      if (world.isStrict || store === world.stores[0]) {
        checkReferrers(store, upstream);
        checkMemory(store, upstream, world.keeping !== undefined);
        // Runs that disagree on which stores answer may leave an older index (docs/decisions/0181).
        if (world.isStrict || world.stores.length === 1) checkIndex(store, upstream);
      }
    }
  }
  checkByHand(world);
  checkEqual(world);
}

/** Every tag of upstream is there, and at upstream's digest where its policy says so. */
function checkUpstream(world: World, store: WatchedStore, upstream: Upstream): void {
  const { policy, rollback } = world.policy;
  for (const [tag, digest] of upstream.tags) {
    const own = tagIn(store, upstream.repository, tag);
    const name = `${store.name} ${upstream.repository}:${tag}`;
    if (upstream.isLiar(digest)) {
      if (own !== undefined) throw new Violation('a wrong size was mirrored', name);
      continue;
    }
    if (own === undefined) throw new Violation('a tag is missing', name);
    const object = `repositories/${upstream.repository}/_manifests/${digest.replace(':', '/')}`;
    if (!store.objects.has(object))
      throw new Violation('an image of upstream is missing', `${name} at ${digest}`);
    if (policy !== 'follow' || own.hold !== undefined) continue;
    if (rollback === 'hold' && upstream.hasGoneBack(tag)) continue;
    // A person may have moved the tag to an image that upstream showed later, or never showed under it.
    if (rollback === 'hold' && world.byHand.has(`${upstream.repository}:${tag}`)) continue;
    if (own.digest !== digest)
      throw new Violation('a tag does not follow', `${name} is at ${own.digest}, not ${digest}`);
  }
}

/** The lists of what refers to an image are there. */
function checkReferrers(store: WatchedStore, upstream: Upstream): void {
  for (const [subject, referrers] of upstream.content.referrers) {
    const isTagged = [...upstream.tags.values()].includes(subject);
    const found = store.objects.has(
      `repositories/${upstream.repository}/_referrers/${subject.replace(':', '/')}`,
    );
    if (isTagged && referrers.length > 0 && !found) {
      throw new Violation('referrers are missing', `${store.name} ${upstream.repository} ${subject}`);
    }
  }
}

/**
 * The list of tags is whole, and the index names nothing that is missing.
 * @param isPruned whether a tag that upstream lacks may be on no list: it was about to go when a sweep was killed
 */
function checkMemory(store: WatchedStore, { repository, tags: upstream }: Upstream, isPruned: boolean): void {
  const isChecked = (tag: string): boolean => !isPruned || upstream.has(tag);
  const folder = `repositories/${repository}/`;
  const tags = [...store.objects.keys()]
    .filter((key) => key.startsWith(`${folder}_tags/`))
    .map((key) => key.slice(`${folder}_tags/`.length))
    .filter(isChecked)
    .toSorted();
  // A repository of which nothing was ever mirrored has no list.
  if (tags.length === 0 && !store.objects.has(`${folder}_index.json`)) return;
  const read = (name: string): Uint8Array => {
    const object = store.objects.get(folder + name);
    if (object === undefined) throw new Violation('an object is missing', `${store.name} ${folder}${name}`);
    return object.bytes;
  };
  const listed: readonly string[] = decodeTagList('the list', read('_tags.json')).filter(isChecked);
  if (listed.join() !== tags.join()) {
    throw new Violation(
      'the list of tags is wrong',
      `${store.name} ${repository}: ${listed.join()}, not ${tags.join()}`,
    );
  }
  const { entries } = readRepositoryIndex('the index', read('_index.json'));
  for (const { digest } of entries) {
    const key = `${folder}_manifests/${digest.replace(':', '/')}`;
    if (!store.objects.has(key)) throw new Violation('the index is wrong', `${store.name} lacks ${key}`);
  }
}

/** The index has each tag of upstream that it has at the digest, and with the hold, of the tag itself. */
function checkIndex(store: WatchedStore, { repository, tags }: Upstream): void {
  const index = store.objects.get(`repositories/${repository}/_index.json`);
  const { entries } = index === undefined ? { entries: [] } : readRepositoryIndex('the index', index.bytes);
  for (const entry of entries) {
    if (entry.kind !== 'tag' || !tags.has(entry.tag)) continue;
    const own = tagIn(store, repository, entry.tag);
    if (own !== undefined && (own.digest !== entry.digest || own.hold !== entry.hold)) {
      throw new Violation('the index is wrong', `${store.name} ${repository}:${entry.tag}`);
    }
  }
}

/** A command by hand that said that it was done has stayed done. */
function checkByHand(world: World): void {
  for (const [name, answered] of world.byHand) {
    if (answered === undefined) continue;
    const { repository, tag, kind, digest } = answered;
    for (const store of world.stores) {
      const own = tagIn(store, repository, tag);
      if (kind === 'approve' && own?.hold !== undefined)
        throw new Violation('an approve was undone', `${store.name} ${name}`);
      if (kind === 'revert' && (own?.hold === undefined || own.digest !== digest)) {
        throw new Violation(
          'a revert was undone',
          `${store.name} ${name} is at ${own?.digest ?? 'nothing'}, not ${digest}`,
        );
      }
    }
  }
}

/** Stores have the same tags and, if the check is strict, the same lists and indexes. A run that died may have left a blob or a manifest in one alone. */
function checkEqual({ stores, isStrict, keeping, upstreams }: World): void {
  const [first, ...others] = stores;
  if (first === undefined) return;
  const compared = isStrict ? MUTABLE : TAG;
  for (const other of others) {
    const keys = new Set(
      [...first.objects.keys(), ...other.objects.keys()].filter((key) => compared.test(key)),
    );
    for (const key of keys) {
      // Stores are pruned one after the other.
      if (keeping !== undefined && !isUpstream(upstreams, key)) continue;
      const [one, two] = [first.objects.get(key), other.objects.get(key)];
      if (one?.etag !== two?.etag) throw new Violation('stores differ', key);
    }
  }
}

/** Whether upstream has what a key of a tag names; true for all other keys. */
function isUpstream(upstreams: readonly Upstream[], key: string): boolean {
  const parts = readKey(key);
  if (parts?.folder !== 'tags') return true;
  const upstream = upstreams.find(({ repository }) => repository === parts.repository);
  return upstream?.tags.has(parts.name) === true;
}

const TAG = /^repositories\/.+\/_tags\//;
const MUTABLE = /^repositories\/.+\/_(?:tags\/|referrers\/|tags\.json$|index\.json$)/;
