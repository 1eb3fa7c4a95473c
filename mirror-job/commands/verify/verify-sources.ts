/** The sources that a repair fetches from, and what upstream has otherwise. */
import type { Repository } from '../../../core/reference.ts';
import { openForReading } from '../../assembly/bucket-access.ts';
import { createEnvironment } from '../../assembly/environment.ts';
import { openImages } from '../../assembly/images.ts';
import { nodeOpeners } from '../../assembly/source-openers.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { dockerConfigReader } from '../../credentials/docker-files.ts';
import { DEFAULT_SETTINGS, type Image } from '../../engine/image.ts';
import { formatItem } from '../../engine/report.ts';
import { planMirror } from '../../engine/run/plan.ts';
import { StoreError, type ComparableStore } from '../../engine/store/store.ts';
import type { OpenStore } from '../../engine/verify/image-restore.ts';
import type { RepairOptions } from '../../engine/verify/repair.ts';
import type { Drift, DriftReport } from '../../engine/verify/verify-report.ts';
import { addUnlisted } from '../../in-use/unlisted-images.ts';
import { createStoreAgents } from '../../runtime/node/agents.ts';
import { systemClock } from '../../runtime/node/clock.ts';
import { readProxies } from '../../runtime/node/proxies.ts';
import { BucketSource } from '../../sources/bucket/bucket-source.ts';
import type { Session } from '../../terminal/io.ts';
import type { Progress } from '../../terminal/progress.ts';

interface Access {
  readonly command: { readonly config: string };
  readonly configuration: Configuration;
  readonly progress: Progress;
  readonly session: Session;
  readonly signal: AbortSignal;
}

/** @property selects whether the configuration mirrors a repository: as an entry, for a cluster, or on demand */
type RepairSources = Pick<RepairOptions, 'images' | 'selects'>;

/**
 * Opens what damaged objects are fetched from: the other stores, because they cost no upstream anything, then upstreams.
 * @param repositories those that have problems
 */
export async function openRepairSources(
  access: Access,
  repositories: ReadonlySet<Repository>,
  others: readonly ComparableStore[],
): Promise<RepairSources> {
  const images = new Map<Repository, Image[]>();
  for (const repository of repositories) {
    images.set(
      repository,
      others.map((other) => ({
        ...DEFAULT_SETTINGS,
        repository,
        source: openStore(other, repository),
        neighbours: [],
        // The same audience has it in the other store.
        mustBePublic: false,
      })),
    );
  }
  const configuration = await withUnlisted(access);
  const wanted = configuration.images.filter(({ repository }) => repositories.has(repository));
  for (const image of await open(access, { ...configuration, images: wanted })) {
    images.get(image.repository)?.push(image);
  }
  const selected = new Set(configuration.images.map(({ repository }) => repository));
  return { images, selects: (repository) => selected.has(repository) };
}

export const openStore: OpenStore = (store, repository) => new BucketSource(store, repository);

/** Asks upstream as a plan does, and says which tags it has otherwise. */
export async function driftOf(access: Access): Promise<DriftReport> {
  const { command, progress, session, signal } = access;
  const configuration = await withUnlisted(access);
  const store = await openForReading(command.config, configuration, session.env);
  const environment = createEnvironment({ store, log: progress, signal });
  const plan = await planMirror(environment, configuration.name, await open(access, configuration));
  const drifts: Drift[] = [];
  const unknown: string[] = [];
  for (const item of plan.items) {
    const image = formatItem(item);
    const { outcome } = item;
    if (outcome.result === 'failed') unknown.push(`${image}: ${outcome.error}`);
    if (outcome.result === 'skipped') unknown.push(`${image}: ${outcome.reason}`);
    if (outcome.result === 'created') drifts.push({ image, how: 'the bucket does not have it yet' });
    if (outcome.result === 'moved') drifts.push({ image, how: `upstream has moved it to ${outcome.digest}` });
    if (outcome.result === 'held')
      drifts.push({ image, how: 'upstream has another digest, and the tag is held' });
    if (outcome.result === 'gone')
      drifts.push({ image, how: `upstream has had no such tag since ${outcome.since}` });
  }
  const tags = Object.values(plan.counts).reduce((sum, count) => sum + count, 0);
  return { tags, drifts, unknown };
}

async function open(
  { progress, session, signal }: Access,
  configuration: Configuration,
): Promise<readonly Image[]> {
  const proxies = readProxies(session.env);
  return openImages(configuration, {
    clock: systemClock,
    log: progress,
    signal,
    audience: configuration.store.audience,
    entries: configuration.images,
    ...nodeOpeners({
      clock: systemClock,
      signal,
      agents: createStoreAgents(proxies),
      proxies,
      dockerConfigs: dockerConfigReader(session.env),
    }),
  });
}

/** Adds the images of clusters, and those that came on demand. If their lists cannot be read, only listed images are known. */
async function withUnlisted({ command, configuration, progress, session }: Access): Promise<Configuration> {
  if (configuration.inUse.length + configuration.onDemand.length === 0) return configuration;
  try {
    const store = await openForReading(command.config, configuration, session.env);
    return (await addUnlisted(store, configuration, systemClock.now())).configuration;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    progress.warn(`${error.message} The images that clusters use are left out.`);
    return configuration;
  }
}
