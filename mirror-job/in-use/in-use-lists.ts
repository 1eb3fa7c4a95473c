/** Reads the in-use lists of the bucket that the configuration asks for. A list that cannot be used is a finding. */
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import type { InUseList } from '../../core/in-use-list.ts';
import { CLUSTERS, clusterOfKey } from '../../core/layout.ts';
import type { InUseRule } from '../configuration/configuration.ts';
import type { Finding } from '../engine/report.ts';
import type { Store } from '../engine/store/store.ts';
import { countOf } from '../engine/support/count-of.ts';
import { MAX_TOTAL_MIB, readLists } from './bounded-lists.ts';
import { namesOf } from './first-names.ts';

/** More lists than these are not read, unless their clusters are named. */
export const MAX_CLUSTERS = 1000;
const NO_CLUSTERS: ListedClusters = { clusters: [], areMore: false };
const HOUR_MS = 3_600_000;

export interface InUseLists {
  /** By cluster, sorted. */
  readonly lists: ReadonlyMap<string, InUseList>;
  readonly findings: readonly Finding[];
}

/** @throws {StoreError} */
export async function readInUseLists(
  store: Pick<Store, 'get' | 'list'>,
  rules: readonly InUseRule[],
  now: Date,
): Promise<InUseLists> {
  const lists = new Map<string, InUseList>();
  const findings: Finding[] = [];
  const { clusters, areMore } = rules.length === 0 ? NO_CLUSTERS : await listedClusters(store);
  if (areMore) {
    const message = `The bucket has lists of more than ${MAX_CLUSTERS} clusters, and only the first ${MAX_CLUSTERS} are read. Delete those of clusters that are gone.`;
    findings.push({ kind: 'in-use-list', message });
  }
  const wanted = clusters.filter((cluster) => rules.some((rule) => isFor(rule, cluster)));
  const read = await readLists(store, wanted);
  if (read.leftOut.length > 0) {
    const message = `The lists of all clusters together have more than ${MAX_TOTAL_MIB} MiB, so the largest are not read: those of ${namesOf(read.leftOut, 5)}. What they run is not looked at, so its tags go stale; nothing is taken away. Name fewer clusters in "inUse", or delete the lists of clusters that are gone.`;
    findings.push({ kind: 'in-use-list', message });
  }
  for (const [cluster, list] of read.lists) {
    if (list instanceof BucketObjectInvalidError) {
      const message = `${list.message} What ${cluster} runs is not looked at, so its tags go stale; nothing is taken away. Delete the object, and write the list anew: lifeboat images --cluster ${cluster} --publish`;
      findings.push({ kind: 'in-use-list', cluster, message });
      continue;
    }
    lists.set(cluster, list);
    const own = rules.filter((rule) => isFor(rule, cluster));
    const finding = findAge(cluster, list, Math.min(...own.map(({ maxAgeMs }) => maxAgeMs)), now);
    if (finding !== undefined) findings.push(finding);
    findings.push(...findUnread(cluster, list));
  }
  for (const { clusters: patterns } of rules) {
    if (clusters.some((cluster) => patterns.some(({ matches }) => matches(cluster)))) continue;
    const names = patterns.map(({ text }) => `"${text}"`).join(', ');
    const message = `No cluster has a list in the bucket whose name matches ${names}, so nothing is mirrored for them. A list is written by: lifeboat images --cluster NAME --publish`;
    findings.push({ kind: 'in-use-list', message });
  }
  return { lists, findings };
}

export interface ListedClusters {
  /** Sorted, and not more than `MAX_CLUSTERS`. */
  readonly clusters: readonly string[];
  /** Whether the bucket has more than that. */
  readonly areMore: boolean;
}

/** The clusters that have a list in the bucket. @throws {StoreError} */
export async function listedClusters(store: Pick<Store, 'list'>): Promise<ListedClusters> {
  const keys = await store.list(CLUSTERS, MAX_CLUSTERS + 1);
  return {
    clusters: keys.slice(0, MAX_CLUSTERS).flatMap((key) => clusterOfKey(key) ?? []),
    areMore: keys.length > MAX_CLUSTERS,
  };
}

export function isFor({ clusters }: InUseRule, cluster: string): boolean {
  return clusters.some(({ matches }) => matches(cluster));
}

function* findUnread(cluster: string, { unread }: InUseList): Generator<Finding> {
  if (unread === undefined) return;
  const message = `The list of what ${cluster} runs is incomplete, because whoever wrote it last could not read ${namesOf(unread, 3)}. What it has is mirrored, and what else runs there is not known. Look at the warnings of the job that writes it: lifeboat images --cluster ${cluster} --publish`;
  yield { kind: 'in-use-list', cluster, message };
}

function findAge(cluster: string, { observed }: InUseList, maxAgeMs: number, now: Date): Finding | undefined {
  const ageMs = now.getTime() - Date.parse(observed);
  if (ageMs < -HOUR_MS) {
    const message = `The list of what ${cluster} runs says that it was written at ${observed}, which is still to come: look at the clock of the job that writes it.`;
    return { kind: 'in-use-list', cluster, message };
  }
  if (ageMs <= maxAgeMs) return undefined;
  const hours = Math.floor(ageMs / HOUR_MS);
  const age = hours < 48 ? countOf(hours, 'hour') : countOf(Math.floor(hours / 24), 'day');
  return {
    kind: 'in-use-list',
    cluster,
    message: `The list of what ${cluster} runs is ${age} old. What it has is mirrored on, and what is new there is not known. Look at the job that writes it: lifeboat images --cluster ${cluster} --publish`,
  };
}
