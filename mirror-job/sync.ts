/** `lifeboat sync`: one mirror run. */
import { randomUUID } from 'node:crypto';
import { access, constants, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { stateKey } from '../core/layout.ts';
import { UsageError, parseOptions, seeHelp, type Command } from './command.ts';
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

const OPTIONS = {
  config: { type: 'string', short: 'c', default: 'lifeboat.yaml' },
  report: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const sync: Command = {
  name: 'sync',
  summary: 'Mirror what lifeboat.yaml lists into the bucket, once.',
  help: `Usage: lifeboat sync [-c FILE] [--report FILE] [--json]

Mirrors every image that the configuration lists: new and moved tags are copied with all
they need, and become visible only then. What has not changed costs one HEAD request a tag.
A run may be stopped or killed at any moment; the next one goes on from there.

Options:
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --report FILE  also write the run's report there, as JSON
      --json         print the report on standard output instead of the summary
  -h, --help         this help

Environment:
  what the configuration reads with \${NAME}; NO_COLOR=1 for no colours

Exit code:
  0  done
  1  some of it failed or was interrupted; the rest was done
  2  the configuration, the store or the command line is wrong, and nothing was mirrored

Examples:
  npx lifeboat sync
  npx lifeboat sync -c /etc/lifeboat/lifeboat.yaml --report /var/lib/lifeboat/report.json
  npx lifeboat sync --json | jq -r '.items[] | select(.outcome.result == "failed")'
`,
  async run(args) {
    const { values, positionals } = parseOptions('sync', args, OPTIONS);
    const [image] = positionals;
    if (image !== undefined) {
      throw new UsageError(
        `"${image}": choosing images on the command line is not built yet. List it under images in the configuration. ${seeHelp('sync')}`,
      );
    }
    if (values.report !== undefined) await refuseUnwritable(values.report);
    const configuration = await loadConfiguration(values.config, process.env);
    await refuseUnreadableRoots(values.config, configuration);

    const progress = new Progress(process.stderr);
    const signal = stopOnSignals(progress);
    const store = new S3Store(configuration.store);
    const environment = createEnvironment({ store, log: progress, signal });
    const { audience } = configuration.store;
    const images = await openImages(configuration, {
      clock: environment.clock,
      log: progress,
      signal,
      audience,
    });
    await open(store, values.config, configuration);

    progress.start(environment.tally);
    let report: RunReport;
    try {
      report = await runMirror(environment, configuration.name, images);
    } finally {
      progress.stop();
    }

    const json = `${JSON.stringify(report, undefined, 2)}\n`;
    if (values.json) {
      process.stdout.write(json);
    } else {
      const whole = values.report ?? `${stateKey(configuration.name, 'last-run.json')} in the bucket`;
      process.stderr.write(`${summarize(report, styleFor(process.stderr), whole)}\n`);
    }
    if (values.report !== undefined && !(await write(values.report, json, progress))) return 1;
    return report.counts.failed > 0 || report.interrupted ? 1 : 0;
  },
};

/** A run may take hours: that its report has nowhere to go is said before. @throws {UsageError} */
async function refuseUnwritable(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  try {
    await access(found === undefined ? dirname(file) : file, constants.W_OK);
  } catch (error) {
    throw new UsageError(
      `--report ${file}: it cannot be written (${codeOf(error)}). Its directory has to exist, and this user to write there.`,
      { cause: error },
    );
  }
  if (found?.isDirectory() === true)
    throw new UsageError(`--report ${file}: this is a directory. Name a file.`);
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

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
