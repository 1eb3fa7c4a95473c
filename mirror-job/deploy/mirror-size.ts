/** Estimates the size of a mirror from its configuration, for its cost. */
import type { Configuration } from '../configuration/configuration.ts';
import { countOf } from '../engine/support/count-of.ts';
import { ASSUMED, firesPerMonth, type MirrorSize } from './cost.ts';

export interface SizeOptions {
  readonly pullsPerMonth: number | undefined;
  /** The size of the bucket; undefined if that is not known, or nothing yet. */
  readonly storedGb: number | undefined;
  /** When the job's Worker begins a run; empty for a job on a machine. */
  readonly crons: readonly string[];
  readonly hasQueue: boolean;
  readonly streamsBlobs: boolean;
}

export interface EstimatedSize extends MirrorSize {
  /** Sentences about what the configuration does not say. */
  readonly assumptions: readonly string[];
}

export function sizeOf({ images, inUse, onDemand }: Configuration, options: SizeOptions): EstimatedSize {
  const { crons, hasQueue, streamsBlobs, storedGb, pullsPerMonth } = options;
  const counts = images.map(({ tags, digests }) => {
    const byRule = tags.rules === undefined ? 0 : (tags.rules.latest ?? ASSUMED.imagesPerRule);
    return tags.explicit.length + digests.length + byRule;
  });
  const count = counts.reduce((sum, one) => sum + one, 0);
  const hosts = images.map(({ repository }) => repository.slice(0, repository.indexOf('/')));
  const estimatedGb = count * ASSUMED.gbPerImage;
  const hasJob = crons.length > 0;
  const assumptions = [
    `${(pullsPerMonth ?? ASSUMED.pullsPerMonth).toLocaleString('en')} pulls a month${pullsPerMonth === undefined ? ', as of 100 nodes that pull 20 images a day: --pulls N changes it' : ''}`,
    `${ASSUMED.gbPerPull * 1000} MB and ${ASSUMED.requestsPerPull} requests a pull`,
    storedGb === undefined
      ? `${ASSUMED.gbPerImage} GB an image, ${countOf(count, 'image')} in all`
      : `what the bucket has now, and ${countOf(count, 'image')}`,
    ...(images.some(({ tags }) => tags.rules !== undefined && tags.rules.latest === undefined)
      ? [`${ASSUMED.imagesPerRule} tags of each rule without "latest"`]
      : []),
    ...(inUse.length + onDemand.length > 0 ? ['nothing that inUse and onDemand bring'] : []),
    `${ASSUMED.movedShare * 100} % of the tags move once a month`,
    ...(hasJob ? [] : ['an hourly run of the job elsewhere, whose machine is not counted']),
  ];
  return {
    images: count,
    repositories: new Set(images.map(({ repository }) => repository)).size,
    upstreams: new Set(hosts).size,
    storedGb: storedGb ?? estimatedGb,
    runsPerMonth: hasJob ? crons.reduce((sum, cron) => sum + firesPerMonth(cron), 0) : ASSUMED.runsPerMonth,
    pullsPerMonth: pullsPerMonth ?? ASSUMED.pullsPerMonth,
    hasJob,
    hasQueue,
    streamsBlobs,
    assumptions,
  };
}
