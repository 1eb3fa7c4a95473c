/**
 * Tells why the bucket lacks an image: what the last run says of it, or that nothing in the configuration selects it. No upstream is
 * asked, so what depends on an upstream's list of tags stays unknown. Pure.
 */
import type { Absence } from '../../cluster/drill/observation.ts';
import type { Reference } from '../../core/reference.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { maySelect } from '../engine/selection/selection.ts';
import { allowsRepository } from '../in-use/in-use-images.ts';
import { isFor } from '../in-use/in-use-lists.ts';
import { allowsOnDemand } from '../on-demand/on-demand-images.ts';
import type { LastRunReport } from './last-run.ts';

/** The parts of a configuration that select images. */
export type Selecting = Pick<Configuration, 'images' | 'inUse' | 'onDemand'>;

export interface AbsenceContext {
  readonly configuration: Selecting;
  readonly lastRun: LastRunReport;
}

function unknown(says: string): Absence {
  return { reason: 'not-known', says };
}

/**
 * @param clusters that use the image. One without a name, of a list in a file, counts as any cluster
 */
export function absenceOf(
  reference: Reference,
  clusters: readonly string[],
  { configuration, lastRun }: AbsenceContext,
): Absence {
  const failure = lastRun.failureOf(reference);
  if (failure !== undefined) return failure;
  const { images, inUse, onDemand } = configuration;
  if (images.length + inUse.length + onDemand.length === 0) {
    return unknown(
      'whether the job should mirror it is not known, because this lifeboat.yaml selects no images',
    );
  }
  const selecting = howSelected(reference, clusters, configuration);
  if (selecting === undefined) {
    return { reason: 'not-selected', says: 'no entry of lifeboat.yaml selects it' };
  }
  const { run, isWhole } = lastRun;
  if ('notKnown' in run)
    return unknown(`${selecting}, and what the last run did is not known: ${run.notKnown}`);
  return unknown(
    isWhole
      ? `${selecting}, and the last run says nothing of it`
      : `${selecting}, and the report of the last run does not list all that failed`,
  );
}

/** @returns a clause; undefined if nothing in the configuration can select it */
function howSelected(
  reference: Reference,
  clusters: readonly string[],
  { images, inUse, onDemand }: Selecting,
): string | undefined {
  const { repository, tag, digest } = reference;
  const own = images.filter((image) => image.repository === repository);
  const isNamed = own.some(({ tags, digests }) =>
    digest === undefined ? tag !== undefined && tags.explicit.includes(tag) : digests.includes(digest),
  );
  if (isNamed) return 'an entry of lifeboat.yaml names it';
  const isFromUse = inUse.some(
    (rule) =>
      allowsRepository(rule, repository) &&
      clusters.some((cluster) => cluster === '' || isFor(rule, cluster)),
  );
  if (isFromUse) return 'inUse in lifeboat.yaml allows it';
  if (digest === undefined) {
    if (tag !== undefined && own.some(({ tags }) => maySelect(tags, tag))) {
      return 'an entry of lifeboat.yaml may select it, as far as its rules tell without a list of tags';
    }
  } else if (own.length > 0) {
    return 'an entry of lifeboat.yaml mirrors this repository, and it is not known whether one of its tags has had this digest';
  }
  if (onDemand.some((rule) => allowsOnDemand(rule, reference))) {
    return 'onDemand in lifeboat.yaml allows it once a client has asked the edge for it';
  }
  return undefined;
}
