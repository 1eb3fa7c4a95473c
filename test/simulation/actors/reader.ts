/** A client that pulls by tag, as the edge lets it: the tag from one bucket, and then all that it names from that bucket. */
import { createHash } from 'node:crypto';
import { StoreError } from '../../../mirror-job/engine/store/store.ts';
import { isObject, readJson, referencesOf } from '../../support/manifest-json.ts';
import { readTag } from '../bucket-check.ts';
import type { Actor } from '../scheduler.ts';
import type { SimulatedStore } from '../simulated-store.ts';
import { Violation } from '../violation.ts';
import { TAGS, type World } from '../world.ts';

/** @throws {Violation} if anything is missing or wrong */
export function reader(world: World): (actor: Actor) => Promise<void> {
  const { decisions } = world;
  const [bucket = world.stores[0]] = world.stores.slice(decisions.choose(world.stores.length));
  const [upstream = world.upstreams[0]] = world.upstreams.slice(decisions.choose(world.upstreams.length));
  const tag = decisions.oneOf(TAGS);
  const pulls = 1 + decisions.choose(3);
  return async (actor) => {
    if (bucket === undefined || upstream === undefined) return;
    const store = world.storeFor(actor, bucket);
    for (let pull = 0; pull < pulls; pull += 1) {
      try {
        await pullTag(store, upstream.repository, tag);
      } catch (error) {
        // The edge answers 503, and the client asks somebody else.
        if (!(error instanceof StoreError)) throw error;
      }
    }
  };
}

async function pullTag(store: SimulatedStore, repository: string, tag: string): Promise<void> {
  const object = await store.get(`repositories/${repository}/_tags/${tag}`);
  if (object === undefined) return;
  const { data } = readJson(object.bytes);
  const { digest } = readTag(object.bytes);
  const bytes = Buffer.from(typeof data === 'string' ? data : '', 'base64');
  await pullManifest(store, repository, digest, bytes);
}

async function pullManifest(
  store: SimulatedStore,
  repository: string,
  digest: string,
  bytes: Uint8Array,
): Promise<void> {
  checkHash(digest, bytes);
  const { manifests, blobs } = referencesOf(readJson(bytes));
  for (const child of manifests) {
    const stored = await store.get(`repositories/${repository}/_manifests/${child.digest.replace(':', '/')}`);
    if (stored === undefined) throw new Violation('a pull finds too little', `${repository} ${child.digest}`);
    if (stored.bytes.length !== child.size) throw new Violation('a pull finds a wrong size', child.digest);
    await pullManifest(store, repository, child.digest, stored.bytes);
  }
  for (const { digest: name, size } of blobs) {
    const link = await store.get(`repositories/${repository}/_blobs/${name.replace(':', '/')}`);
    const blob = await store.get(`blobs/${name.replace(':', '/')}`);
    if (link === undefined || blob === undefined)
      throw new Violation('a pull finds too little', `${repository} ${name}`);
    const linked = readJson(link.bytes);
    if (!isObject(linked) || linked['size'] !== size || blob.bytes.length !== size) {
      throw new Violation('a pull finds a wrong size', name);
    }
    checkHash(name, blob.bytes);
  }
}

function checkHash(digest: string, bytes: Uint8Array): void {
  const hex = createHash('sha256').update(bytes).digest('hex');
  if (digest !== `sha256:${hex}`) throw new Violation('a pull gets wrong bytes', digest);
}
