/** Checks that nothing is left, once all that is old was pruned, that no tag, entry, pin, record or cluster leads to. */
import { readRepositoryIndex } from '../../core/repository-index.ts';
import { decodeTagList } from '../../core/tag-list.ts';
import { readJson, referencesOf } from '../support/manifest-json.ts';
import { readKey, readTag } from './bucket-check.ts';
import type { Keeping } from './keeping.ts';
import type { Upstream } from './upstream.ts';
import { Violation } from './violation.ts';
import type { WatchedStore } from './watched-store.ts';
import type { World } from './world.ts';

/** An upload that is younger may be somebody's. Clocks differ by seconds. */
const UPLOAD_MS = 24 * 3_600_000 + 10_000;

/** @throws {Violation} */
export function checkGarbage(world: World, keeping: Keeping): void {
  for (const store of world.stores) {
    const needed = new Set<string>();
    for (const upstream of world.upstreams) {
      checkGone(store, upstream, keeping);
      new Closure(store, upstream.repository, needed).addAll(rootsOf(store, upstream, keeping));
    }
    for (const key of store.objects.keys()) {
      const parts = readKey(key);
      if (parts === undefined || parts.folder === 'tags' || needed.has(key)) continue;
      throw new Violation('garbage stays', `${store.name} ${key}`);
    }
    // Only a sweep frees what uploads have left, and there is none if nothing goes.
    const beforeMs = (world.sweptMs.get(store.name) ?? -Infinity) - UPLOAD_MS;
    const left = [...store.uploads.values()].filter(({ begun }) => begun.getTime() < beforeMs);
    if (left.length > 0) throw new Violation('garbage stays', `${store.name}: ${left.length} uploads`);
  }
}

/** A tag that upstream lacks goes, unless somebody holds or uses it. */
function checkGone(store: WatchedStore, upstream: Upstream, keeping: Keeping): void {
  const folder = `repositories/${upstream.repository}/_tags/`;
  for (const [key, { bytes }] of store.objects) {
    if (!key.startsWith(folder)) continue;
    const tag = key.slice(folder.length);
    const isKept = readTag(bytes).hold !== undefined || keeping.isTagUsed(upstream, tag);
    if (upstream.tags.has(tag) || isKept || isForgotten(store, upstream.repository, tag)) continue;
    throw new Violation('garbage stays', `${store.name} ${key}`);
  }
}

/** Whether the list has a tag that the index lacks, so that nobody knows since when upstream lacks it (docs/decisions/0185). */
function isForgotten(store: WatchedStore, repository: string, tag: string): boolean {
  const [index, list] = ['_index.json', '_tags.json'].map((name) =>
    store.objects.get(`repositories/${repository}/${name}`),
  );
  if (index === undefined || list === undefined) return true;
  const isIndexed = readRepositoryIndex('the index', index.bytes).entries.some(
    (one) => one.kind === 'tag' && one.tag === tag,
  );
  return !isIndexed && decodeTagList('the list', list.bytes).some((one) => one === tag);
}

function rootsOf(store: WatchedStore, { repository }: Upstream, keeping: Keeping): string[] {
  const folder = `repositories/${repository}/`;
  const roots: string[] = [...keeping.namedDigests(repository)];
  for (const [key, { bytes }] of store.objects) {
    if (key.startsWith(`${folder}_tags/`)) roots.push(readTag(bytes).digest);
    else if (key.startsWith(`${folder}_history/`)) roots.push(String(readJson(bytes)['to']));
    else if (key === `${folder}_index.json`)
      roots.push(...readRepositoryIndex(key, bytes).entries.map(({ digest }) => digest));
  }
  return roots;
}

/** Adds the keys of all that manifests need, and of what refers to them. */
class Closure {
  readonly #store: WatchedStore;
  readonly #folder: string;
  readonly #needed: Set<string>;

  constructor(store: WatchedStore, repository: string, needed: Set<string>) {
    this.#store = store;
    this.#folder = `repositories/${repository}/`;
    this.#needed = needed;
  }

  addAll(digests: readonly string[]): void {
    for (const digest of digests) this.#add(digest);
  }

  #add(digest: string): void {
    const name = digest.replace(':', '/');
    const key = `${this.#folder}_manifests/${name}`;
    const stored = this.#store.objects.get(key);
    if (stored === undefined || this.#needed.has(key)) return;
    this.#needed.add(key);
    const { manifests, blobs } = referencesOf(readJson(stored.bytes));
    for (const blob of blobs) {
      const own = blob.digest.replace(':', '/');
      this.#needed.add(`${this.#folder}_blobs/${own}`).add(`blobs/${own}`);
    }
    this.addAll(manifests.map((child) => child.digest));
    const list = `${this.#folder}_referrers/${name}`;
    const referrers = this.#store.objects.get(list);
    if (referrers === undefined) return;
    this.#needed.add(list);
    this.addAll(referencesOf(readJson(referrers.bytes)).manifests.map((one) => one.digest));
  }
}
