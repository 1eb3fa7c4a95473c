/** A mirror run by a configuration file: from opening the bucket to the report. */
import { randomUUID } from 'node:crypto';
import { access, constants, writeFile } from 'node:fs/promises';
import { stateKey } from '../core/layout.ts';
import { codeOf } from './command.ts';
import type { Configuration } from './configuration/configuration.ts';
import { ConfigurationError } from './configuration/configuration-error.ts';
import { loadConfiguration } from './configuration/load.ts';
import { BucketRefusedError, openBucket } from './engine/bucket.ts';
import type { RunReport } from './engine/report.ts';
import { runMirror } from './engine/run.ts';
import { StoreError, type Store } from './engine/store.ts';
import { createEnvironment } from './node/environment.ts';
import { openImages } from './node/images.ts';
import { S3Store } from './s3/s3-store.ts';
import { stopOnSignals } from './terminal/interruption.ts';
import { Progress } from './terminal/progress.ts';
import { styleFor } from './terminal/style.ts';
import { summarize } from './terminal/summary.ts';

export interface SyncOptions {
  /** Files. */
  readonly config: string;
  readonly report?: string | undefined;
  /** The report on standard output, instead of a summary. */
  readonly json: boolean;
}

/**
 * @returns the exit code: 0, or 1 if something failed or was interrupted
 * @throws {ConfigurationError} before anything is mirrored, where it or the store cannot be used
 */
export async function runSync(options: SyncOptions): Promise<number> {
  const configuration = await loadConfiguration(options.config, process.env);
  await refuseUnreadableRoots(options.config, configuration);
  const progress = new Progress(process.stderr);
  const report = await mirror(options.config, configuration, progress);

  const json = `${JSON.stringify(report, undefined, 2)}\n`;
  if (options.json) {
    process.stdout.write(json);
  } else {
    const whole = options.report ?? `${stateKey(configuration.name, 'last-run.json')} in the bucket`;
    process.stderr.write(`${summarize(report, styleFor(process.stderr), whole)}\n`);
  }
  const isWritten = options.report === undefined || (await write(options.report, json, progress));
  return isWritten && report.counts.failed === 0 && !report.interrupted ? 0 : 1;
}

async function mirror(file: string, configuration: Configuration, progress: Progress): Promise<RunReport> {
  const signal = stopOnSignals(progress);
  const store = new S3Store(configuration.store);
  const environment = createEnvironment({ store, log: progress, signal });
  const { clock } = environment;
  const { audience } = configuration.store;
  const images = await openImages(configuration, { clock, log: progress, signal, audience });
  await open(store, file, configuration);
  progress.start(environment.tally);
  try {
    return await runMirror(environment, configuration.name, images);
  } finally {
    progress.stop();
  }
}

/** @throws {ConfigurationError} for a file of root certificates that cannot be read */
async function refuseUnreadableRoots(file: string, { upstreams }: Configuration): Promise<void> {
  for (const [upstream, { ca, line }] of upstreams) {
    if (ca === undefined) continue;
    try {
      await access(ca, constants.R_OK);
    } catch (error) {
      const message = `${ca} cannot be read (${codeOf(error)}). It has to be a PEM file of root certificates.`;
      throw new ConfigurationError(file, [{ line, key: `upstreams["${upstream}"].ca`, message }]);
    }
  }
}

/** @throws {ConfigurationError} for a store that cannot be reached, or is not this mirror's */
async function open(store: Store, file: string, { name, store: expected }: Configuration): Promise<void> {
  try {
    await openBucket(store, { ...expected, name, newId: randomUUID() });
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof BucketRefusedError)) throw error;
    throw new ConfigurationError(file, [{ line: expected.line, key: 'store', message: error.message }]);
  }
}

async function write(file: string, json: string, progress: Progress): Promise<boolean> {
  try {
    await writeFile(file, json);
    return true;
  } catch (error) {
    progress.warn(`--report ${file}: the report could not be written (${codeOf(error)}).`);
    return false;
  }
}
