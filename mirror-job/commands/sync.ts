/** `lifeboat sync` makes one mirror run, and `lifeboat plan` shows what that run would do. */
import { resolve } from 'node:path';
import { stateKey } from '../../core/layout.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { exitCodeOf, type RunReport } from '../engine/report.ts';
import type { PlanReport } from '../engine/run/plan.ts';
import { refuseUnreadableRoots } from '../assembly/root-certificates.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import type { Session } from '../terminal/io.ts';
import { stopOnSignals } from '../terminal/interruption.ts';
import { formatRunMetrics } from '../terminal/metrics.ts';
import { describePlan } from '../terminal/plan-text.ts';
import { Progress } from '../terminal/progress.ts';
import { formatJson, printResult } from '../terminal/result.ts';
import { styleFor } from '../terminal/style.ts';
import { summarize } from '../terminal/summary.ts';
import { lineWidth } from '../terminal/table.ts';
import { parseOptions, seeHelp, type Command } from './command.ts';
import { chooseImages } from './arguments/image-selection.ts';
import { parsePushUrl, pushMetrics } from './output/metrics-push.ts';
import { mirror, type Mirrored } from './sync/mirror-run.ts';
import { notifying } from './sync/notified-run.ts';
import { planMisses } from './sync/miss-plan.ts';
import { refuseMixture } from './output/output-claims.ts';
import {
  isStandardOutput,
  refuseUnnamed,
  refuseUnwritable,
  whyUnwritable,
  writeOutput,
} from './output/output-file.ts';

const PLAN_OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  all: { type: 'boolean', default: false },
  report: { type: 'string', takes: 'file' },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
  misses: { type: 'string', takes: 'file' },
} as const;

const SYNC_OPTIONS = {
  ...PLAN_OPTIONS,
  'dry-run': { type: 'boolean', default: false },
  metrics: { type: 'string', takes: 'file' },
  'metrics-push': { type: 'string' },
} as const;

const IMAGES = `IMAGE is a reference as with docker pull. If any IMAGE is given, only these images are looked
at. The configuration's store, upstreams and defaults still apply. If the configuration has an
entry for IMAGE, the entry's settings apply too (name, platforms, referrers, moves), and a tag or
a digest in IMAGE replaces what the entry selects. An IMAGE without a tag and a digest needs an
entry, and everything that the entry selects is mirrored.`;

export const sync: Command = {
  options: SYNC_OPTIONS,
  help: `Usage: lifeboat sync [-c FILE] [--dry-run [--all]] [--report FILE] [--metrics FILE]
                     [--metrics-push URL] [--json] [-q] [IMAGE...]

Mirrors every image that the configuration lists. A new or moved tag becomes visible only after
everything that it needs is copied. A tag that has not changed costs one HEAD request. A tag that
its policy holds back stays where it is; the digest that upstream shows is stored, so that it can
be approved. A run may be stopped or killed at any moment; the next run goes on from there.

${IMAGES} Such a run is not the
mirror's last run: "lifeboat status" and the edge still tell of the last run of all images.

Options:
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --dry-run      only show what the run would do and cost; see "lifeboat plan --help"
      --all          with --dry-run: show every tag, in or out, with its reason
      --misses FILE  with --dry-run: propose entries from an edge's log; see "lifeboat plan --help"
      --report FILE  also write the run's report to FILE, as JSON
      --metrics FILE also write metrics to FILE, for Prometheus' textfile collector
      --metrics-push URL
                     also send metrics to the Pushgateway at URL, as job lifeboat; if they are not
                     taken, that is a warning, and the exit code stays what it is
      --json         print the report as JSON instead of the summary
  -q, --quiet        no progress, and no summary of a run that ends with 0
  -h, --help         this help

Environment:
  the variables that the configuration reads with \${NAME}; NO_COLOR=1 for no colours
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY  the proxies for upstreams and for the store
  DOCKER_CONFIG, REGISTRY_AUTH_FILE  where "docker login" or "podman login" wrote, if not in
                 the usual place; these logins are used for upstreams that have no credentials in
                 the configuration

Exit code:
  0  done; the output says what was held back, what upstream has deleted, and what a budget leaves
     for the next run
  1  something failed, an immutable tag changed, most tags disappeared, a list is shorter than
     minTags, an image has too many referrers, a store has lost a blob, one of several stores is
     behind, tags changed in a store that was caught up, the run was interrupted or reached
     maxDuration (default: 5h), or FILE could not be written; the rest was done
  2  the configuration, the command line or the store is wrong (of several stores: all of them, or
     one that must not be filled), or this machine's clock is; nothing was mirrored

Examples:
  npx lifeboat sync
  npx lifeboat sync -c /etc/lifeboat/lifeboat.yaml --report /var/lib/lifeboat/report.json
  npx lifeboat sync docker.io/library/alpine:3.20
  npx lifeboat sync --json | jq -r '.items[] | select(.outcome.result == "failed")'
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('sync', args, SYNC_OPTIONS);
    if (values.all && !values['dry-run']) {
      throw new UsageError(`--all shows tags of a plan: use it with --dry-run. ${seeHelp('sync')}`);
    }
    if (values.misses !== undefined && !values['dry-run']) {
      throw new UsageError(
        `--misses proposes entries and mirrors nothing: use it with "lifeboat plan". ${seeHelp('sync')}`,
      );
    }
    for (const option of ['metrics', 'metrics-push'] as const) {
      if (values[option] === undefined || !values['dry-run']) continue;
      throw new UsageError(
        `--${option} needs a run, and --dry-run makes none: leave one of the two options out. ${seeHelp('sync')}`,
      );
    }
    const push = values['metrics-push'];
    const gateway = push === undefined ? undefined : parsePushUrl(push, 'sync');
    return run('sync', { ...values, gateway, images: positionals, dryRun: values['dry-run'] }, session);
  },
};

export const plan: Command = {
  options: PLAN_OPTIONS,
  help: `Usage: lifeboat plan [-c FILE] [--all] [--report FILE] [--json] [-q] [IMAGE...]
       lifeboat plan --misses FILE [-c FILE] [--json]

Does everything that sync does, except that it fetches no blobs, writes nothing, and does not look
whether stored blobs are still there. It asks the upstreams and the bucket, decides, and shows for
each image which tags are in, which are out and why, which are new or have moved, and what the
sync costs the upstream: requests, manifest GETs (which Docker Hub counts) and bytes. The plan
itself sends all of these requests but those of blobs. The bytes are an upper limit: those of the
blobs that the bucket lacks. Each blob counts once, for the first image that needs it.

${IMAGES}

With --misses, it asks neither upstreams nor the bucket. It reads the log of an edge, finds the
images that clients asked for and the bucket did not have, and prints those that the configuration
does not select, and entries for them that can be pasted below "images".

Options:
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --all          show every tag, in or out, with its reason
      --report FILE  also write the plan to FILE, as JSON
      --misses FILE  propose entries from an edge's log, in any format that has the edge's lines;
                     - is standard input
      --json         print the plan, or the proposal, as JSON
  -q, --quiet        no progress
  -h, --help         this help

Exit code:
  0  the sync would do everything; with --misses, also if there is nothing to propose
  1  something would fail or be a finding, as with sync, or the plan was interrupted
  2  the configuration, the store, the command line or this machine's clock is wrong

Examples:
  npx lifeboat plan
  npx lifeboat plan --all docker.io/library/nginx
  npx lifeboat plan --json | jq '.cost.requests.manifestGets'
  npx lifeboat plan --misses edge.log
  gunzip -c logs/*.gz | npx lifeboat plan --misses - --json
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('plan', args, PLAN_OPTIONS);
    return run('plan', { ...values, images: positionals, dryRun: true }, session);
  },
};

interface SyncOptions {
  readonly config: string;
  /** The file for the report. */
  readonly report?: string | undefined;
  /** The file for the metrics. */
  readonly metrics?: string | undefined;
  /** The Pushgateway that gets the metrics. */
  readonly gateway?: URL | undefined;
  /** Prints the report as JSON, instead of a summary. */
  readonly json: boolean;
  /** No progress, and no summary of a run that ends with 0. */
  readonly quiet: boolean;
  /** The plan shows every tag. */
  readonly all: boolean;
  /** The file with an edge's log, from which entries are proposed. Then nothing else is done. */
  readonly misses?: string | undefined;
  /** Writes nothing to the bucket, and shows what a run would do. */
  readonly dryRun: boolean;
  /** References. If there is none, everything that the configuration lists is mirrored. */
  readonly images: readonly string[];
}

/**
 * @returns the exit code: 0, or 1 if something failed, if there is a finding, or if the run was interrupted
 * @throws {ConfigurationError} before anything is mirrored, if the configuration or the store cannot be used
 * @throws {UsageError} before anything is mirrored, for the options and for an image on the command line
 * @throws {WrongClockError} before anything is mirrored
 */
async function run(command: string, options: SyncOptions, session: Session): Promise<number> {
  const { cwd } = session;
  if (options.misses !== undefined) {
    refuseBesideMisses(command, options);
    return planMisses({ config: options.config, misses: options.misses, json: options.json }, session);
  }
  await refuseMixture(
    command,
    options.json,
    { '--report': options.report, '--metrics': options.metrics },
    cwd,
  );
  if (options.report !== undefined) await refuseUnwritable('--report', options.report, cwd);
  if (options.metrics !== undefined) await refuseUnwritable('--metrics', options.metrics, cwd);
  const configuration = await loadConfiguration(options.config, session.env, {
    needsImages: options.images.length === 0,
    cwd,
  });
  const images = chooseImages(configuration, options.images);
  await refuseUnreadableRoots(options.config, configuration);
  const progress = new Progress(session, options);
  // It lasts until the report is written, because a signal must not end the process before.
  using interruption = stopOnSignals(progress, session, configuration.maxDuration);
  const isWhole = options.images.length === 0;
  const mirrored = () =>
    mirror(
      { file: options.config, isDry: options.dryRun, isWhole },
      { ...configuration, images },
      configuration.images,
      { progress, session, signal: interruption.signal },
    );
  const publish = ({ report }: Mirrored) =>
    publishReport(report, options, configuration.name, { progress, session });
  // A person waits for the result of a plan, and of a few images.
  if (options.dryRun || !isWhole || configuration.notify.length === 0) {
    return await publish(await mirrored());
  }
  return await notifying(
    configuration,
    { mirrored, publish, interruption: interruption.signal },
    progress,
    session,
  );
}

/**
 * Prints the report, writes the files that the options name, and sends the metrics.
 * @param mirrorName the configuration's name
 * @returns the exit code
 */
async function publishReport(
  report: RunReport | PlanReport,
  options: SyncOptions,
  mirrorName: string,
  { progress, session }: { readonly progress: Progress; readonly session: Session },
): Promise<number> {
  const write = async (option: string, file: string, text: string): Promise<boolean> => {
    try {
      await writeOutput(resolve(session.cwd, file), text);
      return true;
    } catch (error) {
      progress.warn(`${option} ${file}: it could not be written (${whyUnwritable(error)}).`);
      return false;
    }
  };
  const files = [options.report, options.metrics].filter((file) => file !== undefined);
  const areStandardOutput = await Promise.all(
    files.map((file) => isStandardOutput(resolve(session.cwd, file))),
  );
  const stream = areStandardOutput.includes(true) ? session.stderr : session.stdout;
  const style = styleFor(stream, session.env);
  // The JSON is made only if it is needed, because it has megabytes if there are thousands of new tags.
  const json = options.json || options.report !== undefined ? formatJson(report, session.commandLine) : '';
  if (options.json) {
    session.stdout.write(json);
  } else if ('dryRun' in report) {
    const describe = (shown: PlanReport) =>
      describePlan(shown, { style, all: options.all, width: lineWidth(stream) });
    printResult(report, describe, session, stream);
  } else if (!options.quiet || exitCodeOf(report) !== 0) {
    const isRecorded = options.images.length === 0;
    const recorded = isRecorded ? `${stateKey(mirrorName, 'last-run.json')} in the bucket` : '--report FILE';
    const whole = options.report ?? recorded;
    printResult(report, (shown) => summarize(shown, style, whole), session, stream);
  }
  const isWritten = options.report === undefined || (await write('--report', options.report, json));
  const isDone = isWritten && exitCodeOf(report) === 0;
  if ('dryRun' in report) return isDone ? 0 : 1;
  const text = formatRunMetrics(mirrorName, report, isDone);
  const isMeasured = options.metrics === undefined || (await write('--metrics', options.metrics, text));
  if (options.gateway !== undefined) {
    const group = { job: 'lifeboat', instance: mirrorName } as const;
    const metrics = { text, isStopped: report.interrupted };
    await pushMetrics(options.gateway, group, metrics, { progress, session });
  }
  return isMeasured && isDone ? 0 : 1;
}

/**
 * Refuses what means nothing to a proposal, because it makes no plan.
 * @throws {UsageError}
 */
function refuseBesideMisses(command: string, { misses = '', images, report, all }: SyncOptions): void {
  refuseUnnamed('--misses', misses);
  const [image] = images;
  const other =
    image === undefined ? (report === undefined ? (all ? '--all' : undefined) : '--report') : `"${image}"`;
  if (other === undefined) return;
  throw new UsageError(
    `--misses looks at the images of the log and makes no plan: leave ${other} out. ${seeHelp(command)}`,
  );
}
