/** Lists all that a manifest needs: the edges of the graph that exports, the scrub, checks and the catching up of stores walk over. Pure. */
import type { Descriptor } from '../../../core/descriptor.ts';
import { namesManifest, type Manifest } from '../../../core/manifest.ts';
import { chooseChildren } from '../selection/platform-choice.ts';
import type { Platforms } from '../selection/platform.ts';

export interface Edge {
  readonly kind: 'blob' | 'manifest';
  readonly descriptor: Descriptor;
}

/** Whether a child of an index is a layer and no manifest: build caches are indexes whose "manifests" are layers. */
export function isLayer(child: Descriptor): boolean {
  return !namesManifest(child);
}

/**
 * The edges in the manifest's own order: its blobs, then its children. A child that is a layer is a blob.
 * @param platforms of an index, only the children for these; undefined for all
 */
export function edgesOf({ blobs, manifests }: Manifest, platforms?: Platforms): Edge[] {
  return [
    ...blobs.map((descriptor): Edge => ({ kind: 'blob', descriptor })),
    ...chooseChildren(manifests, platforms).children.map((descriptor): Edge => ({
      kind: isLayer(descriptor) ? 'blob' : 'manifest',
      descriptor,
    })),
  ];
}

export function descriptorsOf(edges: readonly Edge[], kind: Edge['kind']): Descriptor[] {
  return edges.flatMap((edge) => (edge.kind === kind ? [edge.descriptor] : []));
}
