/** `lifeboat revert` moves a tag back to the digest that it had before. */
import { parseOptions, seeHelp, type Command } from './command.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { parseImageArgument } from './arguments/image-argument.ts';
import { parseReason } from './arguments/reason.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import { formatReference, type Reference, type Tag } from '../../core/reference.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { MoveRefusedError, TagContendedError, type HandOutcome } from '../engine/tags/move-by-hand.ts';
import { showMoved } from '../engine/run/moved-pages.ts';
import { RepositoryState } from '../engine/tags/repository-state.ts';
import { revertTag } from '../engine/tags/revert.ts';
import { StoreError } from '../engine/store/store.ts';
import { currentActor } from '../runtime/node/actor.ts';
import { withWritable, type Written } from '../assembly/bucket-access.ts';
import { findRepository } from './arguments/named-repository.ts';
import { resolveDigest } from './arguments/resolve-digest.ts';
import { stopOnSignals } from '../terminal/interruption.ts';
import type { Session } from '../terminal/io.ts';
import { describeReversion } from '../terminal/hand-text.ts';
import { Progress } from '../terminal/progress.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { styleFor } from '../terminal/style.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  to: { type: 'string' },
  reason: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const revert: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat revert IMAGE:TAG [--to DIGEST] [--reason TEXT] [-c FILE] [--json]

Moves a tag back to the digest that it had before its last movement, and holds it there:
"lifeboat sync" still fetches what is new, but does not move the tag until somebody approves a
digest. The upstream is not asked. The same command a second time does not go back another step:
use --to to go back further.

IMAGE is the name under which the image is served, or the name of its source if the configuration
serves the image under another name.

Options:
      --to DIGEST    move the tag to this digest instead: in full, or as short as "lifeboat history
                     IMAGE:TAG" shows it. The digest has to be in the bucket
      --reason TEXT  why: the hold and the history record it, and the history records who reverted
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --json         print the result as JSON
  -h, --help         this help

Exit code:
  0  done, or done already; with several stores, done in those that are in step, and the next
     sync does the rest
  1  the store failed, a run was at work on the tag, or a store was left out that the edge asks
     before the changed one
  2  the tag, the digest, the configuration, the command line or this machine's clock is wrong:
     nothing was moved

Examples:
  npx lifeboat revert docker.io/library/nginx:1.27 --reason 'crashes on arm64'
  npx lifeboat revert docker.io/library/nginx:1.27 --to 4c0fdaa8b634
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('revert', args, OPTIONS);
    const { to, config, json } = values;
    const [text, ...others] = positionals;
    if (text === undefined || others.length > 0) {
      throw new UsageError(`name one tag, as in docker.io/library/nginx:1.27. ${seeHelp('revert')}`);
    }
    const reference = parseImageArgument(
      text,
      (image, digest) =>
        `Say where the tag goes back to with --to, as in "lifeboat revert ${image} --to ${digest}".`,
    );
    const reason = parseReason(values.reason);
    const { tag } = reference;
    if (tag === undefined) throw new UsageError(`"${text}" names no tag. ${seeHelp('revert')}`);
    return runRevert({ reference: { ...reference, tag }, to, reason, config, json }, session);
  },
};

interface RevertOptions {
  readonly reference: Reference & { readonly tag: Tag };
  /** A digest, or the first digits of one; undefined for the digest before the tag's last movement. */
  readonly to: string | undefined;
  readonly reason: string | undefined;
  readonly config: string;
  /** Prints the outcome as JSON, instead of sentences. */
  readonly json: boolean;
}

/**
 * @returns the exit code: 0, or 1 if the store failed, if runs were at work on the tag, or if the edge may not show the change
 * @throws {UsageError} for a move that is refused; nothing was moved then
 * @throws {ConfigurationError} before anything is moved
 */
async function runRevert(
  { reference, to, reason, config, json }: RevertOptions,
  session: Session,
): Promise<number> {
  const { tag } = reference;
  const configuration = await loadConfiguration(config, session.env, {
    needsImages: false,
    cwd: session.cwd,
  });
  const repository = findRepository(configuration, reference);
  const image = formatReference({ repository, tag, digest: undefined });
  const progress = new Progress(session);
  using interruption = stopOnSignals(progress, session);
  const { signal } = interruption;
  let done: Written<HandOutcome>;
  try {
    done = await withWritable(
      config,
      configuration,
      { log: progress, variables: session.env, signal },
      async (environment) => {
        const state = await RepositoryState.open(environment, repository);
        const digest =
          to === undefined
            ? undefined
            : await resolveDigest(environment, state.entries(), repository, tag, to);
        const by = currentActor(session.env);
        const outcome = await revertTag(environment, state, { repository, tag, to: digest, reason, by });
        const { name } = configuration;
        await showMoved(environment, { name, repository, state, anew: new Set([tag]) });
        return outcome;
      },
    );
  } catch (error) {
    if (error instanceof MoveRefusedError) throw new UsageError(error.message, { cause: error });
    const isExpected = error instanceof StoreError || error instanceof TagContendedError;
    if (!isExpected && !signal.aborted) throw error;
    progress.fail(`${image}: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
  const { result: outcome, unseen } = done;
  if (json) printJson({ image, ...outcome }, session);
  else {
    const style = styleFor(session.stdout, session.env);
    printResult(outcome, (shown) => describeReversion(image, shown, style, session.commandLine), session);
  }
  if (unseen === undefined) return 0;
  progress.warn(unseen);
  return 1;
}
