/**
 * A walk over what the manifests of one repository need, in an order that the next run can carry on: at each level the
 * digests in their order as text. Only manifests are read, and only so many.
 */
import type { Descriptor } from '../../../core/descriptor.ts';
import type { Digest } from '../../../core/digest.ts';
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { referrersKey } from '../../../core/layout.ts';
import { ManifestInvalidError, parseManifest } from '../../../core/manifest.ts';
import { decodeReferrers } from '../../../core/referrers.ts';
import type { Repository } from '../../../core/reference.ts';
import type { Platforms } from '../selection/platform.ts';
import { MAX_REFERRER_DEPTH } from '../copy/referrer-copy.ts';
import { edgesOf } from '../graph/edges.ts';
import { readManifest, type ManifestBytes } from '../graph/read-manifest.ts';
import { StoreError, type Store } from '../store/store.ts';

/** Sibling manifests that are read at once. */
const READ_AHEAD = 8;

/**
 * Manifests from a root down; what is deeper is not looked at. A run reads them all to come to the last, with the half of
 * its reads that is kept for that, so that one deep image does not hold up all others for good.
 */
const MAX_LEVELS = 16;

/** A tag's or a pin's manifest. */
export interface Root {
  readonly digest: Digest;
  /** For which its children are stored; undefined for all. */
  readonly platforms: Platforms;
}

export interface Step {
  /** `manifest`: everything below it was looked at, unless the store refused it. */
  readonly kind: 'blob' | 'manifest' | 'lost manifest';
  readonly digest: Digest;
  /** From the root down to the object itself. */
  readonly path: readonly Digest[];
  /** Of a blob. */
  readonly descriptor?: Descriptor;
}

interface Node extends Root {
  readonly blob?: Descriptor;
  /** How many referrers are on the path to it, itself included; none unless said otherwise. */
  readonly depth?: number;
}

/** A manifest that is still there, as the walk has read it. */
interface Found {
  readonly nodes: readonly Node[];
  /** Why its list of referrers could not be read. */
  readonly refusal?: StoreError;
}

/** The manifests that one run reads for the scrub, over all repositories. */
export class ReadBudget {
  readonly #most: number;
  #left: number;
  /** Whether a walk has ended early because of it. */
  isUsedUp = false;

  constructor(most: number) {
    this.#most = most;
    this.#left = most;
  }

  /** @param isAhead whether it is not needed yet: half is kept for what is, or a deep index would never be passed */
  take(isAhead: boolean): boolean {
    if (this.#left <= (isAhead ? this.#most / 2 : 0)) return false;
    this.#left -= 1;
    return true;
  }
}

export class ScrubWalk {
  readonly #store: Pick<Store, 'get'>;
  readonly #repository: Repository;
  readonly #budget: ReadBudget;
  readonly #refused: (error: StoreError, digest: Digest) => void;

  /** @param refused told of each manifest that cannot be read, itself or its list of referrers; the walk goes on */
  constructor(
    store: Pick<Store, 'get'>,
    repository: Repository,
    budget: ReadBudget,
    refused: (error: StoreError, digest: Digest) => void,
  ) {
    this.#store = store;
    this.#repository = repository;
    this.#budget = budget;
    this.#refused = refused;
  }

  /** @param after the path of the object to go on after; empty for the beginning */
  steps(roots: readonly Root[], after: readonly string[]): AsyncGenerator<Step> {
    return this.#visit(roots, after, []);
  }

  async *#visit(
    nodes: readonly Node[],
    [from, ...below]: readonly string[],
    path: readonly Digest[],
  ): AsyncGenerator<Step> {
    const rest = nodes
      .filter(({ blob }) => blob !== undefined || path.length < MAX_LEVELS)
      .filter(({ digest }) => from === undefined || digest > from || (digest === from && below.length > 0))
      .toSorted((one, other) => (one.digest < other.digest ? -1 : 1));
    const reads = new Map<Digest, Promise<Found | undefined>>();
    for (const [index, { digest, blob }] of rest.entries()) {
      const own = [...path, digest];
      if (blob !== undefined) {
        yield { kind: 'blob', digest, path: own, descriptor: blob };
        continue;
      }
      this.#readAhead(rest.slice(index, index + READ_AHEAD), path, reads);
      const read = reads.get(digest);
      if (read === undefined) {
        this.#budget.isUsedUp = true;
        return;
      }
      reads.delete(digest);
      const found = await read.catch(nothingBelow);
      if (found === undefined) {
        yield { kind: 'lost manifest', digest, path: own };
        continue;
      }
      // Told when it is this manifest's turn, because the run may end before, and the next one reads it again.
      if (found.refusal !== undefined) this.#refused(found.refusal, digest);
      yield* this.#visit(found.nodes, digest === from ? below : [], own);
      if (this.#budget.isUsedUp) return;
      yield { kind: 'manifest', digest, path: own };
    }
  }

  /** @param nodes the first of them is needed now */
  #readAhead(
    nodes: readonly Node[],
    path: readonly Digest[],
    reads: Map<Digest, Promise<Found | undefined>>,
  ): void {
    for (const [index, node] of nodes.entries()) {
      if (node.blob !== undefined || reads.has(node.digest) || !this.#budget.take(index > 0)) continue;
      const read = this.#read(node, path);
      // The walk may end before anybody awaits it.
      read.catch(() => undefined);
      reads.set(node.digest, read);
    }
  }

  /**
   * @param path to the node, without itself
   * @returns undefined for a manifest that is missing, or holds other bytes
   */
  async #read({ digest, platforms, depth = 0 }: Node, path: readonly Digest[]): Promise<Found | undefined> {
    const [manifest, referrers] = await Promise.all([
      readManifest(this.#store, this.#repository, digest),
      depth < MAX_REFERRER_DEPTH ? this.#readReferrers(digest, depth + 1) : { nodes: [] },
    ]);
    if (manifest === 'absent' || manifest === 'damaged') return undefined;
    const children = [...readChildren(manifest, platforms, depth), ...referrers.nodes];
    // A list of referrers is no content of its digest, so that it can lead back to where it was found.
    const nodes = unique(children.filter((child) => child.digest !== digest && !path.includes(child.digest)));
    return { ...referrers, nodes };
  }

  /** Signatures and SBOMs are in no index. */
  async #readReferrers(subject: Digest, depth: number): Promise<Found> {
    const key = referrersKey(this.#repository, subject);
    try {
      const object = await this.#store.get(key);
      if (object === undefined) return { nodes: [] };
      const listed = decodeReferrers(key, object.bytes);
      return { nodes: listed.map(({ digest }) => ({ digest, platforms: undefined, depth })) };
    } catch (error) {
      // The next run that asks for referrers makes it anew.
      if (error instanceof BucketObjectInvalidError) return { nodes: [] };
      return nothingBelow(error);
    }
  }
}

/** Nothing is known of what is below a manifest that the store refuses. */
function nothingBelow(error: unknown): Found {
  if (!(error instanceof StoreError)) throw error;
  return { nodes: [], refusal: error };
}

function readChildren(
  { bytes, contentType }: ManifestBytes,
  platforms: Platforms,
  depth: number,
): readonly Node[] {
  try {
    return edgesOf(parseManifest(bytes, contentType), platforms).map(({ kind, descriptor }) =>
      kind === 'blob'
        ? { digest: descriptor.digest, platforms: undefined, blob: descriptor }
        : { digest: descriptor.digest, platforms, depth },
    );
  } catch (error) {
    // The bytes are right, and an earlier version understood them.
    if (error instanceof ManifestInvalidError) return [];
    throw error;
  }
}

/** A manifest may name a blob twice. */
function unique(nodes: readonly Node[]): readonly Node[] {
  return [...new Map(nodes.map((node) => [node.digest, node])).values()];
}
