/** Makes one check of all stores of a configuration, from connecting to the report. */
import { resolve } from 'node:path';
import type { Digest } from '../../../core/digest.ts';
import {
  connectEach,
  refuseWithoutBuckets,
  whyNotWritable,
  type ConnectedStore,
} from '../../assembly/each-store.ts';
import { createEnvironment } from '../../assembly/environment.ts';
import { fencedStore } from '../../assembly/store-layers.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { loadConfiguration } from '../../configuration/load.ts';
import type { Problem } from '../../engine/verify/problem.ts';
import { repairInRounds } from '../../engine/verify/repair-rounds.ts';
import { repairStore, type Repaired } from '../../engine/verify/repair.ts';
import { compareStores, type StoreDifference } from '../../engine/verify/store-difference.ts';
import { exitCodeOfVerify, type VerifyReport } from '../../engine/verify/verify-report.ts';
import { verifyStore, type StoreResult } from '../../engine/verify/verify-store.ts';
import { createStoreAgents } from '../../runtime/node/agents.ts';
import { systemClock } from '../../runtime/node/clock.ts';
import { keepHeapSmall } from '../../runtime/node/garbage-collection.ts';
import { readProxies } from '../../runtime/node/proxies.ts';
import { isMd5Etag } from '../../storage/s3/etag-check.ts';
import { DeepProgress } from '../../terminal/deep-progress.ts';
import { stopOnSignals } from '../../terminal/interruption.ts';
import type { Session } from '../../terminal/io.ts';
import { Progress } from '../../terminal/progress.ts';
import { formatJson, printResult } from '../../terminal/result.ts';
import { styleFor } from '../../terminal/style.ts';
import { formatVerifyMetrics } from '../../terminal/verify-metrics.ts';
import { describeVerification } from '../../terminal/verify-text.ts';
import { pushMetrics } from '../output/metrics-push.ts';
import { refuseMixture } from '../output/output-claims.ts';
import { isStandardOutput, refuseUnwritable, whyUnwritable, writeOutput } from '../output/output-file.ts';
import { driftOf, openRepairSources, openStore } from './verify-sources.ts';

export interface VerifyCommand {
  readonly config: string;
  readonly deep: boolean;
  /** Undefined for all. */
  readonly budgetBytes: number | undefined;
  readonly upstream: boolean;
  readonly repair: boolean;
  /** The file for the metrics. */
  readonly metrics?: string | undefined;
  /** The Pushgateway that gets the metrics. */
  readonly gateway: URL | undefined;
  /** Prints the report as JSON, instead of a text. */
  readonly json: boolean;
}

/** The things that the parts of one check share. */
interface Check {
  readonly command: VerifyCommand;
  readonly configuration: Configuration;
  readonly stores: readonly ConnectedStore[];
  readonly progress: Progress;
  readonly session: Session;
  readonly signal: AbortSignal;
}

/**
 * @returns the exit code
 * @throws {UsageError} and {ConfigurationError} before anything is touched
 */
export async function runVerify(command: VerifyCommand, session: Session): Promise<number> {
  const { config, metrics, json } = command;
  await refuseMixture('verify', json, { '--metrics': metrics }, session.cwd);
  if (metrics !== undefined) await refuseUnwritable('--metrics', metrics, session.cwd);
  const configuration = await loadConfiguration(config, session.env, {
    needsImages: false,
    cwd: session.cwd,
  });
  keepHeapSmall();
  const progress = new Progress(session);
  using interruption = stopOnSignals(progress, session);
  const { signal } = interruption;
  const agents = createStoreAgents(readProxies(session.env));
  const stores = connectEach(configuration, { agents, signal });
  try {
    const report = await check({ command, configuration, stores, progress, session, signal });
    // Asked only if nothing was found, so that a check costs no request more.
    const isAnyListed = report.stores.some(({ checked }) => checked.objects > 0);
    if (!isAnyListed) await refuseWithoutBuckets(config, stores);
    return await publish(report, command, { progress, session });
  } catch (error) {
    if (!signal.aborted) throw error;
    progress.fail(
      `the check was stopped before its end, so nothing is known.${command.deep ? ' The next "lifeboat verify --deep" goes on where it was.' : ''}`,
    );
    return 1;
  }
}

async function check(given: Check): Promise<VerifyReport> {
  const { command, configuration, stores, progress, signal } = given;
  const begun = systemClock.now().toISOString();
  const results: StoreResult[] = [];
  const repaired: Repaired[] = [];
  for (const connected of stores) {
    if (stores.length > 1) progress.info(`checking ${connected.bucket.name}`);
    const found = await checkOne(given, connected, { isDeep: command.deep, suspects: [] });
    if (!command.repair) {
      results.push(found);
      continue;
    }
    const after = await repairInRounds(found, {
      check: (suspects) => checkOne(given, connected, { isDeep: false, suspects }),
      repair: (problems) => repair(given, connected, problems),
    });
    repaired.push(...after.repaired);
    results.push(after.result);
  }
  const differences: StoreDifference[] = [];
  const [first, ...others] = stores;
  for (const other of others) {
    if (first === undefined) break;
    differences.push(await compareStores(first.bucket, other.bucket, signal));
  }
  const drift = command.upstream ? await driftOf(given) : undefined;
  return {
    mirror: configuration.name,
    mode: command.deep ? 'deep' : 'quick',
    begun,
    ended: systemClock.now().toISOString(),
    stores: results,
    repaired,
    differences,
    ...(drift !== undefined && { drift }),
  };
}

function checkOne(
  { command, configuration, stores, progress, signal }: Check,
  { bucket, store }: ConnectedStore,
  { isDeep, suspects }: { readonly isDeep: boolean; readonly suspects: readonly Digest[] },
): Promise<StoreResult> {
  const environment = createEnvironment({ store, log: progress, signal });
  const shown = new DeepProgress(progress, bucket.name);
  return verifyStore(environment, bucket, {
    name: configuration.name,
    isEtagOf: isMd5Etag,
    suspects,
    others: stores.map((one) => one.bucket).filter((other) => other !== bucket),
    ...(isDeep && {
      deep: {
        budgetBytes: command.budgetBytes,
        state: store,
        onBytes: (bytes, total) => shown.add(bytes, total),
      },
    }),
  });
}

async function repair(
  given: Check,
  connected: ConnectedStore,
  problems: readonly Problem[],
): Promise<readonly Repaired[]> {
  const { configuration, stores, progress, signal } = given;
  const { bucket, store, settings } = connected;
  const refusal = await whyNotWritable(connected, configuration.name);
  if (refusal !== undefined) {
    progress.fail(`nothing was repaired: ${refusal}`);
    return [];
  }
  const others = stores.filter((one) => one !== connected).map((one) => one.bucket);
  const repositories = new Set(problems.flatMap(({ repository }) => repository ?? []));
  const sources = await openRepairSources(given, repositories, others);
  const base = createEnvironment({ store, log: progress, signal });
  // A repair goes by what is in the bucket, so a sweep of pruning has to wait until it has ended.
  const fence = settings.singleWriter
    ? undefined
    : fencedStore(store, { writer: base.run, log: progress, signal });
  const environment = { ...base, store: fence ?? store };
  progress.start(environment.tally);
  try {
    await fence?.enter();
    const { name } = configuration;
    return await repairStore(environment, bucket, problems, { ...sources, name, others, openStore });
  } finally {
    progress.stop();
    // A note that stays counts for some hours more.
    await fence?.leave().catch(() => undefined);
  }
}

/** Prints the report and writes the metrics. @returns the exit code */
async function publish(
  report: VerifyReport,
  { metrics, json, gateway }: VerifyCommand,
  { progress, session }: { readonly progress: Progress; readonly session: Session },
): Promise<number> {
  const exitCode = exitCodeOfVerify(report);
  const path = metrics === undefined ? undefined : resolve(session.cwd, metrics);
  const isOnStandardOutput = path !== undefined && (await isStandardOutput(path));
  const stream = isOnStandardOutput ? session.stderr : session.stdout;
  const plain = withoutSources(report);
  if (json) stream.write(formatJson(plain, session.commandLine));
  else {
    const style = styleFor(stream, session.env);
    printResult(plain, (shown) => describeVerification(shown, style, session.commandLine), session, stream);
  }
  if (gateway !== undefined) {
    const group = { job: 'lifeboat_verify', instance: report.mirror } as const;
    const sent = { text: formatVerifyMetrics(report, exitCode), isStopped: false };
    await pushMetrics(gateway, group, sent, { progress, session });
  }
  if (path === undefined) return exitCode;
  try {
    await writeOutput(path, formatVerifyMetrics(report, exitCode));
    return exitCode;
  } catch (error) {
    progress.warn(`--metrics ${metrics ?? ''}: it could not be written (${whyUnwritable(error)}).`);
    return exitCode === 0 ? 1 : exitCode;
  }
}

/** The bytes of manifests, and what a repair has to fetch, are nothing for people. */
function withoutSources(report: VerifyReport): VerifyReport {
  return {
    ...report,
    stores: report.stores.map((store) => ({
      ...store,
      problems: store.problems.map(({ object: _object, atHand: _atHand, ...problem }) => problem),
    })),
  };
}
