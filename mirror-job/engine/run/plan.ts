/**
 * A dry run: the run itself, over a bucket that is not written and blobs that are not fetched. So it always decides as the run
 * does, and its own requests are the cost of the run.
 */
import type { Digest } from '../../../core/digest.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import { BlobPlan } from '../copy/blob-plan.ts';
import { DryStore } from '../store/dry-store.ts';
import type { Environment } from '../environment.ts';
import type { Image } from '../image.ts';
import { createLimit } from '../support/limit.ts';
import type { Finding, ItemReport, Outcome, RunReport } from '../report.ts';
import { runMirror } from './run.ts';
import type { TagChoice, SelectionResult } from '../selection/selection.ts';
import type { RequestCounts, Source } from '../source.ts';

/** The cost of a run, or of one of its images, for the upstreams. */
export interface Cost {
  /** Each request counts once, although it may have to be repeated. Requests for tokens and redirects do not count. */
  readonly requests: RequestCounts;
  /** Bytes of the blobs that the bucket lacks. The run may fetch fewer, because another run may store some first. */
  readonly bytes: number;
}

export interface PlannedTag extends TagChoice {
  /** The outcome that the run would report. */
  readonly result: Outcome['result'];
}

/** A digest that the configuration names, which is mirrored whatever tag it has. */
export interface PlannedDigest {
  readonly digest: Digest;
  /** The tag beside the digest in the reference, which is only a name for people. */
  readonly name?: Tag;
  readonly result: Outcome['result'];
}

/** The plan for one entry of `images`. */
export interface PlannedImage {
  readonly repository: Repository;
  /** The source's name in messages. */
  readonly source: string;
  readonly chosen: readonly PlannedTag[];
  readonly left: readonly TagChoice[];
  readonly pinned: readonly PlannedDigest[];
  /** A request or a blob that several images share counts for the first of them. */
  readonly cost: Cost;
}

export interface PlanReport extends Pick<
  RunReport,
  'begun' | 'ended' | 'counts' | 'interrupted' | 'items' | 'findings'
> {
  readonly dryRun: true;
  readonly cost: Cost;
  readonly images: readonly PlannedImage[];
}

/**
 * Writes nothing. Never throws for a failure of an image: that is in the report.
 * @param name the configuration's
 * @param earlierFindings what was found before
 */
export async function planMirror(
  environment: Environment,
  name: string,
  images: readonly Image[],
  earlierFindings: readonly Finding[] = [],
): Promise<PlanReport> {
  const store = new DryStore(environment.store);
  const blobs = new BlobPlan(store, createLimit(environment.limits.blobs), environment.limits);
  const selections = new Map<Image, SelectionResult>();
  const report = await runMirror({ ...environment, store }, name, images, {
    blobs,
    isDry: true,
    scrubs: false,
    findings: earlierFindings,
    onSelection: (image, selection) => selections.set(image, selection),
  });
  const resultOf = readResults(report.items);
  const seen = new Set<Source>();
  const planned = images.map((image): PlannedImage => {
    const { source, repository } = image;
    const { selected = [], unselected = [] } = selections.get(image) ?? {};
    const cost = seen.has(source) ? NOTHING : costOf(source, blobs);
    seen.add(source);
    return {
      repository,
      source: source.name,
      chosen: selected.map(({ tag, why }) => ({ tag, why, result: resultOf(repository, tag) })),
      left: unselected,
      pinned: image.digests.map((digest) => ({
        digest,
        ...(image.digestName?.digest === digest && { name: image.digestName.tag }),
        result: resultOf(repository, digest),
      })),
      cost,
    };
  });
  const { begun, ended, counts, interrupted, items, findings } = report;
  const cost = planned.reduce((sum, image) => add(sum, image.cost), NOTHING);
  return { dryRun: true, begun, ended, counts, interrupted, cost, images: planned, items, findings };
}

const NOTHING: Cost = { requests: { heads: 0, manifestGets: 0, blobGets: 0, lists: 0 }, bytes: 0 };

function costOf(source: Source, plan: BlobPlan): Cost {
  const { requests, bytes } = plan.costOf(source);
  // A source without an upstream, such as a folder, has no requests to count.
  return source.requests === undefined
    ? { ...NOTHING, bytes }
    : { requests: { ...source.requests, blobGets: requests }, bytes };
}

function add({ requests: a, bytes }: Cost, { requests: b, bytes: more }: Cost): Cost {
  return {
    requests: {
      heads: a.heads + b.heads,
      manifestGets: a.manifestGets + b.manifestGets,
      blobGets: a.blobGets + b.blobGets,
      lists: a.lists + b.lists,
    },
    bytes: bytes + more,
  };
}

/** A report does not list unchanged items, so an item that is missing is unchanged. */
function readResults(
  items: readonly ItemReport[],
): (repository: Repository, reference: Tag | Digest) => Outcome['result'] {
  const results = new Map(
    items.map(({ repository, reference, outcome }) => [`${repository} ${reference}`, outcome.result]),
  );
  return (repository, reference) => results.get(`${repository} ${reference}`) ?? 'unchanged';
}
