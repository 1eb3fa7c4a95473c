/** A mirror run by a configuration file, or its plan: from opening the bucket to the report. */
import { readFile } from 'node:fs/promises';
import { repositoryIndexKey, stateKey, STORES_KEY } from '../../core/layout.ts';
import { codeOf } from './command.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { boundedStore } from '../assembly/store-layers.ts';
import { checkClock } from '../engine/run/clock-check.ts';
import { DryStore } from '../engine/store/dry-store.ts';
import { DEFAULT_LIMITS, type Environment } from '../engine/environment.ts';
import type { Image } from '../engine/run/image.ts';
import { planMirror, type PlanReport } from '../engine/run/plan.ts';
import { exitCodeOf, type RunReport } from '../engine/report.ts';
import { runMirror } from '../engine/run/run.ts';
import type { Timekeeper } from '../engine/support/server-clock.ts';
import { upstreamsOf } from '../engine/source.ts';
import { reportOnStores } from '../engine/replication/replica-report.ts';
import { dockerConfigReader } from '../credentials/docker-files.ts';
import { systemClock } from '../runtime/node/clock.ts';
import { formatMetrics } from '../terminal/metrics.ts';
import { createEnvironment } from '../assembly/environment.ts';
import { openImages } from '../assembly/images.ts';
import { createStoreAgents } from '../runtime/node/agents.ts';
import { readProxies } from '../runtime/node/proxies.ts';
import { chooseImages } from './image-selection.ts';
import { isStandardOutput, whyUnwritable, writeOutput } from './output-file.ts';
import { alignedEnvironment, openOneEarly, openReadable, openStores } from '../assembly/stores.ts';
import type { CommandLine } from '../terminal/command-line.ts';
import { stopOnSignals } from '../terminal/interruption.ts';
import { describePlan } from '../terminal/plan-text.ts';
import { Progress } from '../terminal/progress.ts';
import { formatJson, printResult } from '../terminal/result.ts';
import { styleFor } from '../terminal/style.ts';
import { summarize } from '../terminal/summary.ts';

export interface SyncOptions {
  /** Files. */
  readonly config: string;
  readonly report?: string | undefined;
  readonly metrics?: string | undefined;
  /** Prints the report as JSON, instead of a summary. */
  readonly json: boolean;
  /** References; none: all that the configuration lists. */
  readonly images: readonly string[];
  /** Write nothing, and show what would be done. */
  readonly dryRun: boolean;
  /** Of a dry run, every tag. */
  readonly all: boolean;
}

/**
 * @returns the exit code: 0, or 1 if something failed, was found or was interrupted
 * @throws {ConfigurationError} before anything is mirrored, where it or the store cannot be used
 * @throws {UsageError} as early, for an image on the command line
 * @throws {WrongClockError} as early
 */
export async function runSync(options: SyncOptions, commandLine: CommandLine): Promise<number> {
  const configuration = await loadConfiguration(options.config, process.env, {
    needsImages: options.images.length === 0,
  });
  const images = chooseImages(configuration, options.images);
  await refuseUnreadableRoots(options.config, configuration);
  const progress = new Progress(process.stderr, commandLine);
  const report = await mirror(options, { ...configuration, images }, configuration.images, progress);

  const files = [options.report, options.metrics].filter((file) => file !== undefined);
  const isTaken = (await Promise.all(files.map(isStandardOutput))).includes(true);
  const stream = isTaken ? process.stderr : process.stdout;
  const style = styleFor(stream);
  // Of thousands of new tags it has megabytes.
  const json = options.json || options.report !== undefined ? formatJson(report, commandLine) : '';
  if (options.json) {
    process.stdout.write(json);
  } else if ('dryRun' in report) {
    const describe = (shown: PlanReport) => describePlan(shown, { style, all: options.all });
    printResult(report, describe, commandLine, stream);
  } else {
    const whole = options.report ?? `${stateKey(configuration.name, 'last-run.json')} in the bucket`;
    printResult(report, (shown) => summarize(shown, style, whole), commandLine, stream);
  }
  const isWritten = options.report === undefined || (await write('--report', options.report, json, progress));
  const isDone = isWritten && exitCodeOf(report) === 0;
  const isMeasured =
    options.metrics === undefined ||
    'dryRun' in report ||
    (await write('--metrics', options.metrics, formatMetrics(configuration.name, report, isDone), progress));
  return isMeasured && isDone ? 0 : 1;
}

async function mirror(
  { config: file, dryRun, images: references }: SyncOptions,
  configuration: Configuration,
  entries: Configuration['images'],
  progress: Progress,
): Promise<RunReport | PlanReport> {
  const signal = stopOnSignals(progress, configuration.maxDuration);
  const proxies = readProxies(process.env);
  const agents = createStoreAgents(proxies);
  const images = await openImages(configuration, {
    clock: systemClock,
    log: progress,
    signal,
    audience: configuration.store.audience,
    entries,
    proxies,
    agents,
    dockerConfigs: dockerConfigReader(process.env),
  });
  const upstreams = upstreamsOf(images.map(({ source }) => source));
  const checkClocks = (stores: readonly Timekeeper[]): Promise<void> =>
    checkClock({ clock: systemClock, log: progress }, stores, upstreams);
  if (dryRun) {
    const readable = await openReadable(file, configuration, agents, { isDry: true, signal });
    await checkClocks([readable]);
    const store = boundedStore(readable, signal, false);
    const environment = createEnvironment({ store, log: progress, signal });
    return showing(progress, environment, () => planMirror(environment, configuration.name, images));
  }
  const isOne = configuration.laterStores.length === 0;
  // Several may have to be brought in step before they are read: that takes its time, or fails.
  const stores = isOne
    ? await openOneEarly(file, configuration, {
        agents,
        signal,
        checkClock: checkClocks,
        ahead: beginReading(images),
      })
    : await openStores(file, configuration, { agents, signal, checkClock: checkClocks });
  const { milliseconds: longest } = configuration.maxDuration;
  const base = createEnvironment({ store: stores.lead, log: progress, signal }, longest);
  const run = async (): Promise<RunReport> => {
    // A run that was stopped before it knew the bucket reports what it has not reached, and writes nothing there.
    const stopped = () =>
      runMirror({ ...base, store: new DryStore(stores.lead) }, configuration.name, images, {
        scrubs: false,
      });
    if (!stores.areKnown) return stopped();
    const aligned = await alignedEnvironment(file, base, stores).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (aligned === undefined) return stopped();
    const { environment, replicas } = aligned;
    // A run of a few images by hand would have the others wait for their turn.
    const scrubs = references.length === 0;
    const report = await runMirror(environment, configuration.name, images, { scrubs });
    if (environment.reportStores === undefined) return report;
    return reportOnStores(environment, replicas, configuration.name, report);
  };
  return showing(progress, base, () => {
    const running = run();
    // Where the bucket may not be written, the run is over: it has read, and what it wants to write waits for ever.
    return Promise.race([running, stores.proof.then(() => running)]);
  });
}

/**
 * Begins what the first repositories wait for and what needs no bucket: each waits for one answer instead of for
 * several, one after the other. A list of tags is asked for once a run.
 * @returns what to read of the bucket as soon
 */
function beginReading(images: readonly Image[]): string[] {
  const first = images.slice(0, DEFAULT_LIMITS.repositories);
  for (const { source, tags } of first) {
    // Whoever needs it hears of a failure.
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

/** @throws {ConfigurationError} for a file of root certificates that cannot be read */
async function refuseUnreadableRoots(file: string, { upstreams }: Configuration): Promise<void> {
  for (const [upstream, { ca, line }] of upstreams) {
    if (ca === undefined) continue;
    const refuse = (why: string): ConfigurationError => {
      const message = `${ca} ${why}. It has to be a PEM file of root certificates.`;
      return new ConfigurationError(file, [{ line, key: `upstreams["${upstream}"].ca`, message }]);
    };
    const text = await readFile(ca, 'utf8').catch((error: unknown) => {
      throw refuse(`cannot be read (${codeOf(error)})`);
    });
    if (!holdsCertificates(text)) throw refuse('holds no certificate, or one that cannot be read');
  }
}

async function write(option: string, file: string, text: string, progress: Progress): Promise<boolean> {
  try {
    await writeOutput(file, text);
    return true;
  } catch (error) {
    progress.warn(`${option} ${file}: it could not be written (${whyUnwritable(error)}).`);
    return false;
  }
}

/** TLS itself takes no notice of what it cannot read. */
function holdsCertificates(text: string): boolean {
  const plain = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  try {
    for (const one of plain) void new X509Certificate(one);
  } catch {
    return false;
  }
  return plain.length > 0 || /-----BEGIN (?:TRUSTED|X509) CERTIFICATE-----/.test(text);
}
