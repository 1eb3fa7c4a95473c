/** Makes one mirror run by a configuration, or its plan, from opening the stores to the report. */
import { repositoryIndexKey, STORES_KEY } from '../../../core/layout.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { boundedStore } from '../../assembly/store-layers.ts';
import { checkClock } from '../../engine/run/clock-check.ts';
import { DryStore } from '../../engine/store/dry-store.ts';
import type { Environment } from '../../engine/environment.ts';
import { DEFAULT_LIMITS, type Log } from '../../engine/runtime.ts';
import type { Image } from '../../engine/image.ts';
import { planMirror, type PlanReport } from '../../engine/run/plan.ts';
import type { RunReport } from '../../engine/report.ts';
import { nameRun } from '../../engine/run/run-name.ts';
import { runMirror } from '../../engine/run/run.ts';
import type { Timekeeper } from '../../engine/support/server-clock.ts';
import { upstreamsOf } from '../../engine/source.ts';
import type { Store } from '../../engine/store/store.ts';
import { reportOnStores } from '../../engine/replication/replica-report.ts';
import { dockerConfigReader } from '../../credentials/docker-files.ts';
import { addUnlisted, type Unlisted } from '../../in-use/unlisted-images.ts';
import { systemClock } from '../../runtime/node/clock.ts';
import { createEnvironment } from '../../assembly/environment.ts';
import { openImages } from '../../assembly/images.ts';
import { nodeOpeners } from '../../assembly/source-openers.ts';
import { createStoreAgents, type Agents } from '../../runtime/node/agents.ts';
import { readProxies } from '../../runtime/node/proxies.ts';
import { alignedEnvironment, openOneEarly, openReadable, openStores } from '../../assembly/stores.ts';
import type { Session } from '../../terminal/io.ts';
import type { Progress } from '../../terminal/progress.ts';

/** A plan, or the report of a run and the store that has it; no store if the run had to stop before it knew the bucket. */
export type Mirrored =
  | { readonly report: PlanReport }
  | { readonly report: RunReport; readonly store: Store | undefined };

/** The extent of a run. */
export interface RunKind {
  /** The configuration's file. */
  readonly file: string;
  /** Nothing is written, and the report is a plan. */
  readonly isDry: boolean;
  /** Everything that the configuration lists is mirrored. */
  readonly isWhole: boolean;
}

/**
 * Opens the stores and the sources, and runs the engine.
 * @param chosen the configuration with the images that are mirrored
 * @param listed all images of the configuration
 * @param running.signal is aborted when the run has to stop
 * @throws {ConfigurationError} before anything is mirrored, if the stores cannot be used
 * @throws {WrongClockError} before anything is mirrored
 */
export async function mirror(
  { file, isDry, isWhole }: RunKind,
  chosen: Configuration,
  listed: Configuration['images'],
  {
    progress,
    session,
    signal: interruption,
  }: { readonly progress: Progress; readonly session: Session; readonly signal: AbortSignal },
): Promise<Mirrored> {
  const refusal = new AbortController();
  const refused = Promise.withResolvers<never>();
  // A refusal may come while nobody waits for it yet.
  refused.promise.catch(() => undefined);
  const signal = AbortSignal.any([interruption, refusal.signal]);
  const log = logUntil(refusal.signal, progress);
  const proxies = readProxies(session.env);
  const agents = createStoreAgents(proxies);
  const { configuration, findings, clusters } =
    isWhole && chosen.inUse.length + chosen.onDemand.length > 0
      ? await withUnlisted(file, chosen, agents, signal, log)
      : // A whole run of a configuration without inUse knows that there are no lists.
        { configuration: chosen, findings: [], clusters: isWhole ? [] : undefined };
  const entries = isWhole ? configuration.images : listed;
  const images = await openImages(configuration, {
    clock: systemClock,
    log,
    signal,
    audience: configuration.store.audience,
    entries,
    ...nodeOpeners({
      clock: systemClock,
      signal,
      agents,
      proxies,
      dockerConfigs: dockerConfigReader(session.env),
    }),
  });
  const upstreams = upstreamsOf(images.map(({ source }) => source));
  const checkClocks = (stores: readonly Timekeeper[]): Promise<void> =>
    checkClock({ clock: systemClock, log: progress }, stores, upstreams);
  if (isDry) {
    const readable = await openReadable(file, configuration, agents, { isDry: true, signal });
    await checkClocks([readable]);
    const store = boundedStore(readable, signal, false);
    const environment = createEnvironment({ store, log: progress, signal });
    const report = await showing(progress, environment, () =>
      planMirror(environment, configuration.name, images, findings),
    );
    return { report };
  }
  const isOne = configuration.laterStores.length === 0;
  // Several stores may have to be brought in step before they are read, which takes time, or fails.
  const writer = { name: nameRun(systemClock.now()), log };
  const stores = isOne
    ? await openOneEarly(file, configuration, {
        agents,
        signal,
        writer,
        checkClock: checkClocks,
        ahead: beginReading(images),
        onRefused: (error) => {
          // First, because the run may fail by the abort, and the refusal has to be the command's error.
          refused.reject(error);
          refusal.abort(error);
        },
      })
    : await openStores(file, configuration, { agents, signal, writer, checkClock: checkClocks });
  const { milliseconds: longest } = configuration.maxDuration;
  const base = createEnvironment({ store: stores.lead, log, signal }, longest);
  const run = async (): Promise<{ readonly report: RunReport; readonly store: Store | undefined }> => {
    // If a run was stopped before it knew the bucket, it reports the images that it has not reached, and writes nothing.
    const stopped = async () => ({
      report: await runMirror({ ...base, store: new DryStore(stores.lead) }, configuration.name, images, {
        isDry: true,
        scrubs: false,
        findings,
      }),
      store: undefined,
    });
    if (!stores.areKnown) return stopped();
    const aligned = await alignedEnvironment(file, base, stores).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (aligned === undefined) return stopped();
    const { environment, replicas } = aligned;
    const report = await runMirror(environment, configuration.name, images, {
      isPartial: !isWhole,
      findings,
      ...(clusters !== undefined && { clusters }),
    });
    const { store } = environment;
    if (environment.reportStores === undefined) return { report, store };
    const recorded = isWhole ? configuration.name : undefined;
    return { report: await reportOnStores(environment, replicas, recorded, report), store };
  };
  return showing(progress, base, async () => {
    const running = run();
    try {
      // A run may begin to read before it is known that the bucket may be written. If it may not, the run is stopped, and
      // nobody waits for its end.
      return await Promise.race([running, refused.promise]);
    } finally {
      await stores.leave();
    }
  });
}

/** Adds what runs mirror without a list: what clusters use, and what a job in a Worker has mirrored on demand. */
async function withUnlisted(
  file: string,
  configuration: Configuration,
  agents: Agents,
  signal: AbortSignal,
  log: Log,
): Promise<Omit<Unlisted, 'warnings'>> {
  const readable = await openReadable(file, configuration, agents, { isDry: true, signal });
  const unlisted = await addUnlisted(readable, configuration, systemClock.now());
  for (const warning of unlisted.warnings) log.warn(warning);
  return unlisted;
}

/**
 * A log that is silent after the signal. A refused run would report each failing write, and the refusal explains all of
 * them.
 */
function logUntil(signal: AbortSignal, log: Log): Log {
  return {
    info: (message) => {
      if (!signal.aborted) log.info(message);
    },
    warn: (message) => {
      if (!signal.aborted) log.warn(message);
    },
  };
}

/**
 * Asks the upstreams for the tag lists of the first repositories before the bucket is known, because these requests need
 * no bucket. Each repository then waits for one answer instead of several in a row. Each list is requested once per run.
 * @returns the keys of the bucket that may be read as early
 */
function beginReading(images: readonly Image[]): string[] {
  const first = images.slice(0, DEFAULT_LIMITS.repositories);
  for (const { source, tags } of first) {
    // The code that needs the list gets the failure.
    if (source.upstream !== undefined && tags.rules !== undefined) source.tags().catch(() => undefined);
  }
  return [STORES_KEY, ...first.map(({ repository }) => repositoryIndexKey(repository))];
}

async function showing<Report>(
  progress: Progress,
  { tally }: Environment,
  work: () => Promise<Report>,
): Promise<Report> {
  progress.start(tally);
  try {
    return await work();
  } finally {
    progress.stop();
  }
}
