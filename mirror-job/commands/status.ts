/** `lifeboat status` shows where every image and tag stands. */
import { DurationInvalidError, parseDuration } from '../../core/duration.ts';
import { isHeld } from '../../core/held.ts';
import { openForReading } from '../assembly/bucket-access.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { insideSentence } from '../engine/store/store-name.ts';
import { StoreError } from '../engine/store/store.ts';
import { systemClock } from '../runtime/node/clock.ts';
import { readStatus, type StatusQuestion } from '../status/read-status.ts';
import type { MirrorStatus, RepositoryStatus } from '../status/mirror-status.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import type { Session } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { describeStatus } from '../terminal/status-text.ts';
import { styleFor } from '../terminal/style.ts';
import { lineWidth } from '../terminal/table.ts';
import { parseRepositoryFilter } from './arguments/repository-filter.ts';
import { parseOptions, seeHelp, type Command } from './command.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  repository: { type: 'string', multiple: true },
  tags: { type: 'boolean', default: false },
  held: { type: 'boolean', default: false },
  stale: { type: 'string' },
  check: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

/** Long enough for one daily run that fails. */
const STALE_AFTER = '2d';
const MIN_STALE_MS = 1000;

export const status: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat status [--tags] [--repository NAME]... [--held] [--stale DURATION] [--check]
                       [-c FILE] [--json]

Shows where the mirror stands: when the last run ended and how, each repository with its tags, when
it was last checked at its upstream without a failure, which tags are held and which digests wait,
which tags upstream has deleted, and what the last run failed to mirror. With --tags, it shows each
tag and pin: since when it points to its digest, whether it follows upstream, its size and its
platforms. It reads what runs have written into the bucket: four or five objects, the lists of
clusters if the configuration has inUse, and with --tags one object for each repository. No
upstream is asked, nothing is written, and a key that may only read and list is enough.

A repository is stale if the configuration, or a cluster, asks for it and no run has checked all of
it for DURATION. The last run is stale, too, if it ended longer ago.

Options:
      --tags             show each tag and pin instead of each repository
      --repository NAME  only this repository, with its tags; may be repeated. A pattern such as
                         docker.io/library/* (one part) or quay.io/** (any number) names several
      --held             only what has held tags
      --stale DURATION   only repositories that were not checked for so long, such as 2d or 12h
      --check            exit with 3 if the last run or a repository is stale (default: after 2d),
                         or if the last run did not succeed
  -c, --config FILE      the configuration (default: lifeboat.yaml)
      --json             print everything as JSON, with whole digests
  -h, --help             this help

Exit code:
  0  done; with --check, all is well
  1  no run has written an overview, or a read failed after the bucket had answered
  2  the configuration, the store or the command line is wrong, or the store does not answer
  3  with --check: something is stale, the last run did not succeed, or --repository names none

Examples:
  npx lifeboat status
  npx lifeboat status --repository docker.io/library/nginx
  npx lifeboat status --check --stale 26h
  npx lifeboat status --tags --held --json | jq -r '.images.tags[] | .repository + ":" + .tag'
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('status', args, OPTIONS);
    const [extra] = positionals;
    if (extra !== undefined) {
      throw new UsageError(
        `name a repository by --repository: "${extra}" stands alone. ${seeHelp('status')}`,
      );
    }
    const { repository: names = [] } = values;
    const filters = names.map((name) => ({ name, matches: parseRepositoryFilter(name) }));
    const staleAfterMs = parseStale(values.stale ?? STALE_AFTER);
    return runStatus({ ...values, filters, staleAfterMs, isStaleOnly: values.stale !== undefined }, session);
  },
};

interface StatusCommand {
  readonly config: string;
  readonly filters: StatusQuestion['filters'];
  readonly tags: boolean;
  readonly held: boolean;
  readonly staleAfterMs: number;
  readonly isStaleOnly: boolean;
  readonly check: boolean;
  readonly json: boolean;
}

/** @returns the exit code */
async function runStatus(command: StatusCommand, session: Session): Promise<number> {
  const { config, filters, tags, staleAfterMs } = command;
  const configuration = await loadConfiguration(config, session.env, {
    needsImages: false,
    cwd: session.cwd,
  });
  const progress = new Progress(session);
  const store = await openForReading(config, configuration, session.env);
  const isShown = ({ held, isStale }: RepositoryStatus) =>
    (!command.held || held > 0) && (!command.isStaleOnly || isStale);
  let found: MirrorStatus | undefined;
  try {
    found = await readStatus(
      { store, log: progress, configuration },
      {
        now: systemClock.now(),
        staleAfterMs,
        filters,
        isShown,
        withTags: tags || filters.length > 0,
      },
    );
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    progress.fail(error.message);
    return 1;
  }
  if (found === undefined) {
    progress.fail(
      `no run of "${configuration.name}" has written an overview into ${insideSentence(store.name)} yet. Run "lifeboat sync" once.`,
    );
    return 1;
  }
  const shown = command.held ? heldOnly(found) : found;
  if (command.json) {
    printJson(shown, session);
  } else {
    const style = styleFor(session.stdout, session.env);
    const { commandLine } = session;
    const width = lineWidth(session.stdout);
    printResult(shown, (one) => describeStatus(one, { style, commandLine, width }), session);
  }
  return command.check && found.alarms.length > 0 ? 3 : 0;
}

function heldOnly(found: MirrorStatus): MirrorStatus {
  const { images } = found;
  if (images === undefined) return found;
  const tags = images.tags.filter(isHeld);
  return { ...found, images: { ...images, tags, pins: [] } };
}

/** @throws {UsageError} */
function parseStale(text: string): number {
  let staleAfterMs: number;
  try {
    staleAfterMs = parseDuration(text);
  } catch (error) {
    if (!(error instanceof DurationInvalidError)) throw error;
    throw new UsageError(`--stale ${text} ${error.message}`, { cause: error });
  }
  if (staleAfterMs >= MIN_STALE_MS) return staleAfterMs;
  throw new UsageError(
    `--stale ${text}: it has to be at least 1s. With less, everything would be stale at once.`,
  );
}
