/** `lifeboat sync`: one mirror run. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { loadConfiguration } from './configuration/load.ts';
import { openBucket } from './engine/bucket.ts';
import type { RunReport } from './engine/report.ts';
import { runMirror } from './engine/run.ts';
import { createEnvironment } from './node/environment.ts';
import { openImages } from './node/images.ts';
import { S3Store } from './s3/s3-store.ts';
import { Progress } from './terminal/progress.ts';
import { styleFor } from './terminal/style.ts';
import { summarize } from './terminal/summary.ts';
import { UsageError, type Command } from './command.ts';

export const sync: Command = {
  name: 'sync',
  summary: 'Mirror what lifeboat.yaml lists into the bucket, once.',
  help: `Usage: lifeboat sync [-c FILE] [--report FILE] [--json]

Mirrors every image that the configuration lists: new and moved tags are copied with all
they need, and become visible only then. What has not changed costs one HEAD request a tag.
A run may be stopped or killed at any moment; the next one goes on from there.

Options:
  -c, --config FILE   the configuration (default: lifeboat.yaml)
      --report FILE   also write the run's report there, as JSON
      --json          print the report on standard output instead of the summary
  -h, --help          this help

Exit code: 0 done; 1 some of it failed, the rest was done; 2 the configuration, the store or
the command line is wrong, and nothing was touched.

Examples:
  npx lifeboat sync
  npx lifeboat sync -c /etc/lifeboat/lifeboat.yaml --report /var/lib/lifeboat/report.json
  S3_ENDPOINT=http://localhost:9000 npx lifeboat sync --json | jq .counts
`,
  async run(args) {
    const { values, positionals } = parse(args);
    const [image] = positionals;
    if (image !== undefined) {
      throw new UsageError(
        `"${image}" on the command line is not built yet: list it under images in the configuration.`,
      );
    }
    const configuration = await loadConfiguration(values.config, process.env);
    const stop = new AbortController();
    const progress = new Progress(process.stderr);
    const store = new S3Store(configuration.store);
    const environment = createEnvironment({ store, log: progress, signal: stop.signal });
    const images = await openImages(configuration, {
      clock: environment.clock,
      log: progress,
      signal: stop.signal,
      audience: configuration.store.audience,
    });
    await openBucket(store, { ...configuration.store, name: configuration.name, newId: randomUUID() });

    const onSignal = (signal: NodeJS.Signals): void => {
      if (stop.signal.aborted) process.exit(1);
      progress.info(`${signal}: stopping; uploads are aborted. Once more to stop at once.`);
      stop.abort(new Error(`stopped by ${signal}`));
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    progress.start(environment.tally);
    const report = await runMirror(environment, configuration.name, images);
    progress.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);

    await show(report, values);
    return report.counts.failed > 0 || report.interrupted ? 1 : 0;
  },
};

interface Options {
  readonly config: string;
  readonly report?: string | undefined;
  readonly json?: boolean | undefined;
}

function parse(args: readonly string[]): { values: Options; positionals: string[] } {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: 'string', short: 'c', default: 'lifeboat.yaml' },
        report: { type: 'string' },
        json: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function show(report: RunReport, options: Options): Promise<void> {
  const json = `${JSON.stringify(report, undefined, 2)}\n`;
  if (options.report !== undefined) await writeFile(options.report, json);
  if (options.json === true) process.stdout.write(json);
  else process.stderr.write(`${summarize(report, styleFor(process.stderr))}\n`);
}
