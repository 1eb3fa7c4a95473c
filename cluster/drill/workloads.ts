/**
 * The result of a drill by namespace, and by what uses the images. Lists name at most 20 uses of an image and count all of them,
 * so these sums may leave namespaces and workloads out.
 */
import { formatReference } from '../../core/reference.ts';
import { sumOf, type DrillResult, type Sum } from './drill.ts';
import { isLost, isPulled } from './judge.ts';
import type { ClusterUse } from './observation.ts';

export interface Workload {
  readonly cluster: string;
  /** Undefined for what is in no namespace: a node, a file. */
  readonly namespace: string | undefined;
  readonly kind: string;
  readonly name: string;
  /** `lost` if one of its images would be; `unknown` if none would be, and one is not known. */
  readonly state: 'lost' | 'unknown' | 'pulled';
  /** Its images that would be lost, sorted. */
  readonly lost: readonly string[];
  /** Its images that are not known, sorted. */
  readonly unknown: readonly string[];
}

export interface NamespaceSum extends Sum {
  readonly cluster: string;
  readonly namespace: string | undefined;
  readonly workloads: { readonly all: number; readonly lost: number; readonly unknown: number };
}

/** Sorted by cluster, namespace, kind and name. A name that only a text has is used by nothing. */
export function workloadsOf(results: readonly DrillResult[]): readonly Workload[] {
  return sorted(results, workloadKey).map(([{ cluster, namespace, kind, name }, own]) => {
    const lost = namesOf(own.filter(({ verdict }) => isLost(verdict.outcome)));
    const unknown = namesOf(own.filter(({ verdict }) => verdict.outcome === 'unknown'));
    const state = lost.length > 0 ? 'lost' : unknown.length > 0 ? 'unknown' : 'pulled';
    return { cluster, namespace, kind, name, state, lost, unknown };
  });
}

/** Sorted by how many workloads could not start, then by how many images are lost, then by name. */
export function sumsByNamespace(results: readonly DrillResult[]): readonly NamespaceSum[] {
  const workloads = Map.groupBy(workloadsOf(results), namespaceKey);
  return sorted(results, namespaceKey)
    .map(([use, own]) => namespaceSum(use, own, workloads.get(namespaceKey(use)) ?? []))
    .toSorted((one, other) => other.workloads.lost - one.workloads.lost || other.lost - one.lost);
}

function namespaceSum(
  { cluster, namespace }: ClusterUse,
  own: readonly DrillResult[],
  users: readonly Workload[],
): NamespaceSum {
  const count = (wanted: Workload['state']) => users.filter(({ state }) => state === wanted).length;
  const workloads = { all: users.length, lost: count('lost'), unknown: count('unknown') };
  return { cluster, namespace, ...sumOf(own), workloads };
}

/** The uses that the lists count and do not name. */
export function unnamedUses(results: readonly DrillResult[]): {
  readonly uses: number;
  /** How many images have such uses, and how many of these would not be pulled for sure. */
  readonly images: number;
  readonly notPulled: number;
} {
  const own = results.filter(({ image }) => image.useCount > image.uses.length);
  return {
    uses: own.reduce((sum, { image }) => sum + image.useCount - image.uses.length, 0),
    images: own.length,
    notPulled: own.filter(({ verdict }) => !isPulled(verdict.outcome)).length,
  };
}

/** Groups results by their uses. A result counts once in each group. */
function sorted(
  results: readonly DrillResult[],
  keyOf: (use: ClusterUse) => string,
): readonly (readonly [ClusterUse, readonly DrillResult[]])[] {
  const groups = new Map<string, { readonly use: ClusterUse; readonly own: Set<DrillResult> }>();
  for (const result of results) {
    for (const use of result.image.uses) {
      if (use.how === 'text') continue;
      const group = groups.get(keyOf(use)) ?? { use, own: new Set() };
      groups.set(keyOf(use), group);
      group.own.add(result);
    }
  }
  return [...groups]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, { use, own }]) => [use, [...own]]);
}

/** Names come from lists, so that any character may be in them. */
function namespaceKey({
  cluster,
  namespace,
}: Pick<ClusterUse, 'cluster'> & { namespace?: string | undefined }): string {
  return JSON.stringify([cluster, namespace ?? '']);
}

function workloadKey({ cluster, namespace, kind, name }: ClusterUse): string {
  return JSON.stringify([cluster, namespace ?? '', kind, name]);
}

function namesOf(results: readonly DrillResult[]): readonly string[] {
  return [...new Set(results.map(({ image }) => formatReference(image.reference)))].toSorted();
}
