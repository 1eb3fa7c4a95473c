/**
 * A client that pulls by tag or digest, as the edge lets it: the image from one bucket, with all that it names. It may
 * take hours between the manifests and the blobs, because an edge remembers for a day that something exists.
 */
import { createHash } from 'node:crypto';
import { StoreError } from '../../../mirror-job/engine/store/store.ts';
import { isObject, readJson, referencesOf, type Reference } from '../../support/manifest-json.ts';
import { readTag } from '../bucket-check.ts';
import type { Actor } from '../scheduler.ts';
import type { SimulatedStore } from '../simulated-store.ts';
import { Violation } from '../violation.ts';
import type { WatchedStore } from '../watched-store.ts';
import { TAGS, type World } from '../world.ts';

const HOUR_MS = 3_600_000;
const PAUSES_MS: readonly [number, ...number[]] = [0, 0, 20 * HOUR_MS];

/** @throws {Violation} if anything is missing or wrong */
export function reader(world: World): (actor: Actor) => Promise<void> {
  const { decisions, keeping } = world;
  const [bucket = world.stores[0]] = world.stores.slice(decisions.choose(world.stores.length));
  const [upstream = world.upstreams[0]] = world.upstreams.slice(decisions.choose(world.upstreams.length));
  const tag = decisions.oneOf(TAGS);
  const isByDigest = keeping !== undefined && decisions.happens(2);
  const digest = isByDigest && upstream !== undefined ? decisions.oneOf(upstream.content.images) : undefined;
  const pulls = 1 + decisions.choose(3);
  const pauseMs = keeping === undefined ? 0 : decisions.oneOf(PAUSES_MS);
  return async (actor) => {
    if (bucket === undefined || upstream === undefined) return;
    const store = world.storeFor(actor, bucket);
    const pull = new Pull(store, bucket, upstream.repository);
    for (let count = 0; count < pulls; count += 1) {
      try {
        const blobs = await (digest === undefined ? pull.byTag(tag) : pull.byDigest(digest));
        if (pauseMs > 0 && count === 0) await actor.clock.sleep(pauseMs, actor.stop.signal);
        for (const blob of blobs) await pull.blob(blob);
      } catch (error) {
        // The edge answers 503, and the client asks somebody else.
        if (!(error instanceof StoreError)) throw error;
      }
    }
  };
}

class Pull {
  readonly #store: SimulatedStore;
  readonly #bucket: WatchedStore;
  readonly #folder: string;

  constructor(store: SimulatedStore, bucket: WatchedStore, repository: string) {
    this.#store = store;
    this.#bucket = bucket;
    this.#folder = `repositories/${repository}/`;
  }

  /** @returns the blobs of an image; none if there is no such tag */
  async byTag(tag: string): Promise<readonly Reference[]> {
    const object = await this.#store.get(`${this.#folder}_tags/${tag}`);
    if (object === undefined) return [];
    const { data } = readJson(object.bytes);
    const bytes = Buffer.from(typeof data === 'string' ? data : '', 'base64');
    return this.#below(readTag(object.bytes).digest, bytes);
  }

  /** @returns the blobs of an image; none if it is not there */
  async byDigest(digest: string): Promise<readonly Reference[]> {
    const stored = await this.#store.get(this.#manifestKey(digest));
    return stored === undefined ? [] : this.#below(digest, stored.bytes);
  }

  async #below(digest: string, bytes: Uint8Array): Promise<readonly Reference[]> {
    checkHash(digest, bytes);
    const { manifests, blobs } = referencesOf(readJson(bytes));
    const found = [...blobs];
    for (const child of manifests) {
      const stored = await this.#store.get(this.#manifestKey(child.digest));
      if (stored === undefined) {
        // The image was pruned in the middle of the pull, as if it had begun a moment later.
        if (!this.#bucket.objects.has(this.#manifestKey(digest))) return [];
        throw new Violation('a pull finds too little', `${this.#folder} ${child.digest}`);
      }
      if (stored.bytes.length !== child.size) throw new Violation('a pull finds a wrong size', child.digest);
      found.push(...(await this.#below(child.digest, stored.bytes)));
    }
    return found;
  }

  #manifestKey(digest: string): string {
    return `${this.#folder}_manifests/${digest.replace(':', '/')}`;
  }

  async blob({ digest, size }: Reference): Promise<void> {
    const name = digest.replace(':', '/');
    const link = await this.#store.get(`${this.#folder}_blobs/${name}`);
    const blob = await this.#store.get(`blobs/${name}`);
    if (link === undefined || blob === undefined)
      throw new Violation('a pull finds too little', `${this.#folder} ${digest}`);
    const linked = readJson(link.bytes);
    if (!isObject(linked) || linked['size'] !== size || blob.bytes.length !== size) {
      throw new Violation('a pull finds a wrong size', digest);
    }
    checkHash(digest, blob.bytes);
  }
}

function checkHash(digest: string, bytes: Uint8Array): void {
  const hex = createHash('sha256').update(bytes).digest('hex');
  if (digest !== `sha256:${hex}`) throw new Violation('a pull gets wrong bytes', digest);
}
