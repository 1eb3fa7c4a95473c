/** `lifeboat history` shows where tags have pointed, and which digests wait for approval. */
import { parseOptions, seeHelp, type Command } from './command.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { parseImageArgument } from './arguments/image-argument.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import { formatReference, type Reference } from '../../core/reference.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { readMovements, type RecordedMovement } from '../engine/tags/movement-log.ts';
import { findTag } from '../engine/tags/publish.ts';
import { RepositoryState } from '../engine/tags/repository-state.ts';
import { StoreError } from '../engine/store/store.ts';
import { findWaiting, statusOf, type TagStatus } from '../engine/tags/tag-status.ts';
import { createEnvironment } from '../assembly/environment.ts';
import { openForReading } from '../assembly/bucket-access.ts';
import { findRepository } from './arguments/named-repository.ts';
import type { Session } from '../terminal/io.ts';
import { describeHistory } from '../terminal/history-text.ts';
import { Progress } from '../terminal/progress.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { styleFor } from '../terminal/style.ts';
import { lineWidth } from '../terminal/table.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  limit: { type: 'string', default: '20' },
  json: { type: 'boolean', default: false },
} as const;

export const history: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat history IMAGE[:TAG] [--limit N] [-c FILE] [--json]

Shows the newest movements of a tag, or of all tags of an image: when, from where, to where, why
and by which run or person. Beside a digest are other tags that have it now. Then it shows the tags
that are held or have newer digests that wait, with the command that approves them. "not carried
out" marks a movement that was begun but did not happen, because its run died or another run came
first. The upstream is not asked, and nothing is written.

IMAGE is the name under which the image is served, or the name of its source if the configuration
serves the image under another name.

Options:
      --limit N      the most movements to show (default: 20)
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --json         print the history as JSON, with whole digests
  -h, --help         this help

Exit code:
  0  done
  1  the bucket has nothing under that name, or the bucket failed
  2  the configuration, the store or the command line is wrong

Examples:
  npx lifeboat history docker.io/library/nginx:1.27
  npx lifeboat history docker.io/library/nginx --json | jq -r '.tags[] | select(.hold)'
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('history', args, OPTIONS);
    const [text, ...others] = positionals;
    if (text === undefined || others.length > 0) {
      throw new UsageError(`name one image, as in docker.io/library/nginx:1.27. ${seeHelp('history')}`);
    }
    if (!/^[1-9]\d{0,5}$/.test(values.limit)) {
      throw new UsageError(`--limit ${values.limit}: it has to be a number from 1 to 999999.`);
    }
    const reference = parseImageArgument(
      text,
      (image) => `Only tags have a history: leave the digest out, as in "lifeboat history ${image}".`,
    );
    return runHistory(
      { reference, limit: Number(values.limit), config: values.config, json: values.json },
      session,
    );
  },
};

interface HistoryOptions {
  readonly reference: Reference;
  /** The most movements to show. */
  readonly limit: number;
  readonly config: string;
  /** Prints JSON, with whole digests. */
  readonly json: boolean;
}

/**
 * @returns the exit code: 0, or 1 if the bucket has nothing under that name, or failed
 * @throws {UsageError} for a name that stands for several repositories
 * @throws {ConfigurationError} if the configuration or the store cannot be used
 */
async function runHistory(
  { reference, limit, config, json }: HistoryOptions,
  session: Session,
): Promise<number> {
  const configuration = await loadConfiguration(config, session.env, {
    needsImages: false,
    cwd: session.cwd,
  });
  const repository = findRepository(configuration, reference);
  const named = { ...reference, repository };
  const image = formatReference(named);
  const progress = new Progress(session);
  const store = await openForReading(config, configuration, session.env);
  let movements: readonly RecordedMovement[];
  let tags: readonly TagStatus[];
  const tagsAt: Record<string, string[]> = {};
  try {
    const environment = createEnvironment({ store, log: progress, signal: new AbortController().signal });
    movements = await readMovements(environment, repository, reference.tag, limit);
    const state = await RepositoryState.open(environment, repository);
    const { tag } = reference;
    const entries = state.entries();
    for (const entry of entries) if (entry.kind === 'tag') (tagsAt[entry.digest] ??= []).push(entry.tag);
    tags =
      tag === undefined
        ? findWaiting(entries)
        : [statusOf(entries, tag, await findTag(environment, repository, tag))];
    const isKnown = tags.some(({ digest, candidates }) => digest !== undefined || candidates.length > 0);
    if (movements.length === 0 && !isKnown && (tag !== undefined || state.isEmpty)) {
      progress.fail(`${image}: the bucket has nothing of this image. Run "lifeboat sync" first.`);
      return 1;
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    progress.fail(`${image}: ${error.message}`);
    return 1;
  }
  if (json) {
    printJson({ image, movements, tags }, session);
  } else {
    const style = styleFor(session.stdout, session.env);
    const found = { movements, tags, limit, tagsAt };
    const options = { style, commandLine: session.commandLine, width: lineWidth(session.stdout) };
    printResult(found, (shown) => describeHistory(named, shown, options), session);
  }
  return 0;
}
