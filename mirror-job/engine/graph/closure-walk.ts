/** Walks over everything that roots of one repository need: manifests, their blobs and children, and their referrers. */
import type { Descriptor } from '../../../core/descriptor.ts';
import type { Digest } from '../../../core/digest.ts';
import { referrersKey } from '../../../core/layout.ts';
import { ManifestInvalidError, parseManifest, type Manifest } from '../../../core/manifest.ts';
import { decodeReferrers } from '../../../core/referrers.ts';
import type { Repository } from '../../../core/reference.ts';
import { chooseChildren } from '../selection/platform-choice.ts';
import type { Platforms } from '../selection/platform.ts';
import type { Store } from '../store/store.ts';
import { createLimit } from '../support/limit.ts';
import { isLayer } from './edges.ts';
import { walkLevels } from './level-walk.ts';
import { readManifest } from './read-manifest.ts';

const READS_AT_ONCE = 16;

/** A manifest from which the walk begins. */
export interface ClosureRoot {
  readonly digest: Digest;
  /** The platforms that its children are stored for; undefined for all. */
  readonly platforms: Platforms;
  /** Whether its absence is no damage, as for a digest that only the history names. */
  readonly isOptional?: boolean;
}

export interface ClosureNode extends ClosureRoot {
  /** The root that led here first. */
  readonly root: Digest;
  /** The descriptor that lists it; undefined for a root. */
  readonly listedAs?: Descriptor | undefined;
}

export interface FoundManifest {
  readonly manifest: Manifest;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string | undefined;
}

/** Hears of each object that is needed. An error that it throws ends the walk. */
export interface ClosureVisitor {
  /** A manifest that is there and whose bytes match its digest. */
  manifest(node: ClosureNode, found: FoundManifest): void;
  /** A manifest that is missing, whose bytes do not match its digest, or that cannot be parsed. An optional one may be missing. */
  broken(node: ClosureNode, how: 'absent' | 'damaged' | ManifestInvalidError): void;
  /** A blob, for each manifest that needs it. One with `urls` may be missing, and so may one of an optional node. */
  blob(node: ClosureNode, blob: Descriptor): void;
  /** A list of referrers that is there. Its referrers are visited next. */
  referrers?(subject: Digest, listed: readonly Descriptor[]): void;
}

export interface ClosureOptions {
  readonly store: Pick<Store, 'get'>;
  readonly repository: Repository;
  /** Whether the repository has a list of referrers of a manifest, if a listing tells; otherwise each one is asked for. */
  readonly hasReferrers?: (subject: Digest) => boolean;
}

/**
 * Children of an index for platforms that were not chosen are visited too, as optional ones: they may be there from an
 * earlier choice, and nothing that is there may count as unneeded because a record of platforms is short.
 * @throws {StoreError}, {BucketObjectInvalidError} for a list of referrers that cannot be read, and what the visitor throws
 */
export async function walkClosure(
  roots: readonly ClosureRoot[],
  visitor: ClosureVisitor,
  { store, repository, hasReferrers = () => true }: ClosureOptions,
): Promise<void> {
  const atOnce = createLimit(READS_AT_ONCE);
  const first = roots.map((root): ClosureNode => ({ ...root, root: root.digest }));
  const visit = (node: ClosureNode): Promise<ClosureNode[]> =>
    atOnce(async () => {
      const { digest, root } = node;
      const read = await readManifest(store, repository, digest);
      if (read === 'absent' || read === 'damaged') {
        visitor.broken(node, read);
        return [];
      }
      let manifest: Manifest;
      try {
        manifest = parseManifest(read.bytes, read.contentType, node.listedAs?.mediaType);
      } catch (error) {
        if (!(error instanceof ManifestInvalidError)) throw error;
        visitor.broken(node, error);
        return [];
      }
      visitor.manifest(node, { manifest, ...read });
      for (const blob of manifest.blobs) visitor.blob(node, blob);
      const next = childrenOf(node, manifest, visitor);
      if (!hasReferrers(digest)) return next;
      const key = referrersKey(repository, digest);
      const list = await store.get(key);
      if (list === undefined) return next;
      const listed = decodeReferrers(key, list.bytes);
      visitor.referrers?.(digest, listed);
      const isOptional = node.isOptional ?? false;
      const refer = listed.map((one) => ({
        digest: one.digest,
        platforms: undefined,
        root,
        listedAs: one,
        isOptional,
      }));
      return [...next, ...refer];
    });
  await walkLevels(first, nameOf, visit, createNeededFilter());
}

/** An optional node adds nothing to one of the same digest that must be there, because that one leads to all children, too. */
function createNeededFilter(): (level: readonly ClosureNode[]) => readonly ClosureNode[] {
  const required = new Set<Digest>();
  return (level) => {
    for (const { digest, isOptional = false } of level) if (!isOptional) required.add(digest);
    return level.filter(({ digest, isOptional = false }) => !isOptional || !required.has(digest));
  };
}

function childrenOf(node: ClosureNode, { manifests }: Manifest, visitor: ClosureVisitor): ClosureNode[] {
  const { platforms, root, isOptional = false } = node;
  const chosen = new Set(chooseChildren(manifests, platforms).children);
  return manifests.flatMap((child) => {
    const isLeftOut = !chosen.has(child);
    const own = { ...node, isOptional: isOptional || isLeftOut };
    if (isLayer(child)) {
      visitor.blob(own, child);
      return [];
    }
    return [{ digest: child.digest, platforms, root, listedAs: child, isOptional: own.isOptional }];
  });
}

/** A manifest is visited again if a stricter root leads to it, because then it must be there, for more platforms. */
function nameOf({ digest, platforms, isOptional = false }: ClosureNode): string {
  return `${digest} ${platforms?.join() ?? '*'} ${isOptional}`;
}
