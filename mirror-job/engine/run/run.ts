/** A mirror run: every repository, then the catalogue and the report. */
import type { ClusterLine } from '../../../core/overview.ts';
import type { Repository } from '../../../core/reference.ts';
import type { Environment } from '../environment.ts';
import type { Finding, RunReport } from '../report.ts';
import { createRepair } from '../scrub/scrub-repair.ts';
import { Scrub } from '../scrub/scrub.ts';
import { upstreamsOf, partyOf } from '../source.ts';
import { FairShare, type Party } from '../support/fair-share.ts';
import { limitFor } from '../support/limit.ts';
import { warnOfClocks } from './clock-check.ts';
import type { Image } from '../image.ts';
import { mirrorRepository, type RepositoryResult } from './mirror-repository.ts';
import { endRun } from './run-end.ts';
import { linesOf, reportOf, servedOf } from './run-report.ts';
import { shareWork, type SharedWork, type WorkOptions } from './shared-work.ts';

export interface RunOptions extends Omit<WorkOptions, 'describedFor'> {
  /** Whether nothing is to be written for the pages of the edge, as in a dry run. */
  readonly isDry?: boolean;
  /** The clusters whose in-use lists were read for this run; left out if it read none. */
  readonly clusters?: readonly ClusterLine[];
  /** Whether stored objects are checked; true unless said otherwise. */
  readonly scrubs?: boolean;
  /**
   * Whether the images are a part of the configuration's, which a person has named. Such a run checks no stored objects,
   * because the others would lose their turn, and the record of the last whole run stays.
   */
  readonly isPartial?: boolean;
  /** The findings from before the run, for its report. */
  readonly findings?: readonly Finding[];
}

/**
 * Mirrors every image. Never throws for what goes wrong with an image: that is in the report.
 * @param name the configuration's, for its state in the bucket
 */
export async function runMirror(
  given: Environment,
  name: string,
  images: readonly Image[],
  options: RunOptions = {},
): Promise<RunReport> {
  const { isDry = false, isPartial = false } = options;
  const work = shareWork(given, images, isDry ? options : { ...options, describedFor: name });
  const { environment } = work;
  const { clock, signal, run } = environment;
  const begun = clock.now().toISOString();
  const scrubTally = environment.tally.part();
  const scrub =
    options.scrubs === false || isPartial
      ? undefined
      : new Scrub(
          environment,
          name,
          [...work.images.keys()],
          createRepair({ ...environment, tally: scrubTally }, work.images, work.blobs),
        );
  const results = await mirrorAll(work, (repository) =>
    mirrorRepository(repository, work, (entries) => scrub?.offer(repository, entries)),
  );
  const findings = (await scrub?.finish()) ?? [];
  const upstreams = upstreamsOf(images.map(({ source }) => source));
  // By now every upstream has answered a request.
  warnOfClocks(environment, upstreams);
  const report = reportOf(results, {
    run,
    begun,
    ended: clock.now().toISOString(),
    interrupted: signal.aborted,
    upstreams: upstreams.map((upstream) => upstream.report()),
    stores: environment.reportStores?.(),
    earlierFindings: [...(options.findings ?? []), ...(environment.storeFindings?.() ?? [])],
    scrub: { findings, copied: scrubTally.copied },
  });
  const upstreamOf = (repository: Repository): string | undefined =>
    work.images.get(repository)?.[0]?.source.upstream?.name;
  await endRun(environment, name, report, {
    served: servedOf(results),
    pages: isDry ? undefined : { ...linesOf(results), clusters: options.clusters, upstreamOf },
    isPartial,
  });
  return report;
}

/** Some repositories at a time, because an open one holds its index and its tags. Upstreams share each capacity fairly. */
async function mirrorAll(
  { environment, images, tagSlots, blobSlots }: SharedWork,
  mirror: (repository: Repository) => Promise<RepositoryResult>,
): Promise<RepositoryResult[]> {
  const open = new FairShare(environment.limits.repositories);
  const repositories = [...images].map(([repository, group]) => {
    const parties = new Set(group.map(({ source }) => partyOf(source)));
    // A repository of several upstreams competes by itself, so that a slow one of them does not keep the others waiting.
    const [opener = repository] = parties.size === 1 ? parties : [repository];
    const shares: [FairShare, Party][] = [[open, opener]];
    for (const party of parties) {
      for (const share of [tagSlots, blobSlots, environment.buffers.share, environment.listedManifests]) {
        shares.push([share, party]);
      }
    }
    for (const [share, party] of shares) share.join(party);
    return { repository, opener, shares };
  });
  return Promise.all(
    repositories.map(async ({ repository, opener, shares }) => {
      const result = await limitFor(open, opener)(() => mirror(repository));
      for (const [share, party] of shares) share.leave(party);
      return result;
    }),
  );
}
