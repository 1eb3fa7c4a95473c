/**
 * `state/<name>/last-run.json`: the part of the last run's report that pages and metrics show. The job writes the report whole
 * (docs/reports.md); this reads it within bounds, because a report lists every failure.
 */
import { isDigest, type Digest } from './digest.ts';
import { Fields } from './fields.ts';
import { isTag, upstreamOf, type Repository, type Tag } from './reference.ts';
import type { RunCounts } from './run-history.ts';

/** More items than a report may have values. */
const MAX_ITEMS = 1_000_000;
/** The failures that are kept of one registry, so that one upstream that is down does not hide the others. */
export const MAX_REGISTRY_FAILURES = 20;
/** The failures that are kept of all registries together. */
export const MAX_LISTED_FAILURES = 200;
export const MAX_LISTED_FINDINGS = 100;
/** In UTF-16 units: room for a finding that names two digests, and the command that takes one of them. */
const MAX_MESSAGE_LENGTH = 600;
const MAX_UPSTREAMS = 200;
const MAX_QUOTAS = 100;
const MAX_STORES = 20;

/** How many requests of each kind an upstream got. */
export type RequestKinds = Readonly<Record<'heads' | 'manifestGets' | 'blobGets' | 'lists', number>>;

/** The manifest GETs that an upstream still grants to an account. */
export interface QuotaLeft {
  /** The account's number among the upstream's accounts, from 1. */
  readonly account: number;
  readonly remaining: number;
  readonly limit?: number;
  /** The seconds that `limit` holds for. */
  readonly seconds?: number;
  /** Whose quota it is, in the upstream's words. */
  readonly source?: string;
}

export interface LastRunUpstream {
  readonly name: string;
  readonly requests: RequestKinds;
  readonly quotas: readonly QuotaLeft[];
  /** Why no more manifests were requested; undefined where they were. */
  readonly exhausted?: string;
}

/** One of several stores at the end of the run. */
export interface LastRunStore {
  readonly name: string;
  /** `in step` or `behind`. */
  readonly state: string;
  readonly since?: string;
  readonly reason?: string;
  readonly undecided?: boolean;
}

export interface FailedItem {
  /** The registry of the repository's name. */
  readonly registry: string;
  readonly repository: Repository;
  /** Undefined if the whole repository failed. */
  readonly reference?: Tag | Digest;
  /** A sentence. */
  readonly error: string;
}

export interface ListedFinding {
  readonly kind: string;
  /** Undefined if the finding is about a cluster. */
  readonly repository?: Repository;
  readonly tag?: Tag;
  /** Sentences. */
  readonly message: string;
}

export interface LastRun {
  readonly run: string;
  /** ISO 8601, UTC. */
  readonly begun: string;
  readonly ended: string;
  readonly interrupted: boolean;
  readonly counts: RunCounts;
  readonly blobs: { readonly copied: number; readonly present: number };
  readonly manifests: { readonly copied: number };
  /** Read from sources. */
  readonly bytes: number;
  readonly upstreams: readonly LastRunUpstream[];
  /** Empty if the job fills one store. */
  readonly stores: readonly LastRunStore[];
  /** The first ones of each registry, in the order of the report. `counts` counts all of them. */
  readonly failures: readonly FailedItem[];
  /** The first ones, in the order of the report. */
  readonly findings: readonly ListedFinding[];
  /** All of them. */
  readonly findingCount: number;
}

/** @throws {BucketObjectInvalidError} */
export function decodeLastRun(key: string, bytes: Uint8Array): LastRun {
  const fields = Fields.parse(key, bytes, undefined);
  const counts = fields.object('counts');
  const blobs = fields.object('blobs');
  const findings = fields.list('findings', MAX_ITEMS, (finding) => finding);
  const { stores = [] } = fields.optional('stores', (name) => fields.list(name, MAX_STORES, decodeStore));
  return {
    run: fields.text('run'),
    begun: fields.time('begun'),
    ended: fields.time('ended'),
    interrupted: fields.flag('interrupted'),
    counts: {
      unchanged: counts.count('unchanged'),
      created: counts.count('created'),
      moved: counts.count('moved'),
      held: counts.count('held'),
      gone: counts.count('gone'),
      failed: counts.count('failed'),
      skipped: counts.count('skipped'),
    },
    blobs: { copied: blobs.count('copied'), present: blobs.count('present') },
    manifests: { copied: fields.object('manifests').count('copied') },
    bytes: fields.count('bytes'),
    upstreams: fields.list('upstreams', MAX_UPSTREAMS, decodeUpstream),
    stores,
    failures: boundedFailures(fields.list('items', MAX_ITEMS, (item) => item)),
    findings: findings.slice(0, MAX_LISTED_FINDINGS).map(decodeFinding),
    findingCount: findings.length,
  };
}

function decodeUpstream(upstream: Fields): LastRunUpstream {
  const requests = upstream.object('requests');
  return {
    name: upstream.text('name'),
    requests: {
      heads: requests.count('heads'),
      manifestGets: requests.count('manifestGets'),
      blobGets: requests.count('blobGets'),
      lists: requests.count('lists'),
    },
    quotas: upstream.list('quotas', MAX_QUOTAS, (quota) => ({
      account: quota.count('account'),
      remaining: quota.count('remaining'),
      ...quota.optional('limit', (name) => quota.count(name)),
      ...quota.optional('seconds', (name) => quota.count(name)),
      ...quota.optional('source', (name) => quota.text(name)),
    })),
    ...upstream.optional('exhausted', (name) => upstream.text(name)),
  };
}

function decodeStore(store: Fields): LastRunStore {
  return {
    name: store.text('name'),
    state: store.text('state'),
    ...store.optional('since', (name) => store.time(name)),
    ...store.optional('reason', (name) => store.text(name)),
    ...store.optional('undecided', (name) => store.flag(name)),
  };
}

function decodeFinding(finding: Fields): ListedFinding {
  return {
    kind: finding.text('kind'),
    ...finding.optional('repository', (name) => finding.repository(name)),
    ...finding.optional('tag', (name) => finding.tag(name)),
    message: finding.text('message', MAX_MESSAGE_LENGTH),
  };
}

function boundedFailures(items: readonly Fields[]): FailedItem[] {
  const kept: FailedItem[] = [];
  const counts = new Map<string, number>();
  for (const item of items) {
    if (kept.length >= MAX_LISTED_FAILURES) break;
    const outcome = item.object('outcome');
    if (outcome.text('result') !== 'failed') continue;
    const repository = item.repository('repository');
    const registry = upstreamOf(repository);
    const count = counts.get(registry) ?? 0;
    if (count >= MAX_REGISTRY_FAILURES) continue;
    counts.set(registry, count + 1);
    const { reference } = item.optional('reference', (name) => item.text(name));
    kept.push({
      registry,
      repository,
      ...(reference !== undefined && (isTag(reference) || isDigest(reference)) && { reference }),
      error: outcome.text('error', MAX_MESSAGE_LENGTH),
    });
  }
  return kept;
}
