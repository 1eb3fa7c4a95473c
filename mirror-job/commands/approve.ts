/** `lifeboat approve` moves tags to digests that somebody has looked at. */
import { parseOptions, seeHelp, type Command } from './command.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { parseReason } from './arguments/reason.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import type { Digest } from '../../core/digest.ts';
import { formatReference, type Repository } from '../../core/reference.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { approveTag, type Approval } from '../engine/tags/approve.ts';
import type { Environment } from '../engine/environment.ts';
import { countOf } from '../engine/support/count-of.ts';
import { createLimit } from '../engine/support/limit.ts';
import { TagContendedError, type HandOutcome } from '../engine/tags/move-by-hand.ts';
import { showMoved } from '../engine/run/moved-pages.ts';
import { RepositoryState } from '../engine/tags/repository-state.ts';
import { StoreError } from '../engine/store/store.ts';
import { currentActor } from '../runtime/node/actor.ts';
import { checkApprovals, locateApprovals } from './approve/approval-check.ts';
import { parseApprovals, readApprovals, type WantedApproval } from './approve/approval-list.ts';
import { withWritable } from '../assembly/bucket-access.ts';
import { findRepository } from './arguments/named-repository.ts';
import { stopOnSignals } from '../terminal/interruption.ts';
import type { Session } from '../terminal/io.ts';
import { describeApproval } from '../terminal/hand-text.ts';
import { Progress } from '../terminal/progress.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { styleFor } from '../terminal/style.ts';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  file: { type: 'string', takes: 'file' },
  reason: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export const approve: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat approve IMAGE:TAG@DIGEST… [--file FILE] [--reason TEXT] [-c FILE] [--json]

Moves each tag to its digest at once, whatever the tag's policy is, and ends the tag's hold: from
then on the policy decides again. The digest has to be in the bucket already: "lifeboat sync"
fetches it, and "lifeboat history IMAGE" shows the digests that wait. The upstream is not asked.
Every reference is checked before the first tag moves. A tag that needs no change is reported as
"unchanged".

IMAGE is the name under which the image is served, or the name of its source if the configuration
serves the image under another name.

Options:
      --file FILE    also approve the references in this file: one per line, # before a comment.
                     Keep the file in git and run this command after each merge. A line in the
                     file does not undo a "lifeboat revert" of the same digest; a reference on the
                     command line does
      --reason TEXT  why: the history records it, and who approved; also for an "unchanged" tag,
                     unless its reference comes from the file
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --json         print the result of each reference as JSON
  -h, --help         this help

Exit code:
  0  done, or done already; with several stores, done in those that are in step, and the next
     sync does the rest
  1  some tags could not be moved, and the others were; or a store was left out that the edge asks
     before the changed one
  2  a reference, the configuration, the store, the command line or this machine's clock is wrong:
     nothing was moved

Examples:
  npx lifeboat approve docker.io/library/nginx:1.27@sha256:4c0f…
  npx lifeboat approve --file approved.txt --reason "$(git log -1 --format=%h)"
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('approve', args, OPTIONS);
    const { file, config, json } = values;
    if (positionals.length === 0 && file === undefined) {
      throw new UsageError(`say what to approve: IMAGE:TAG@DIGEST, or --file FILE. ${seeHelp('approve')}`);
    }
    const reason = parseReason(values.reason);
    return runApprove({ references: positionals, file, reason, config, json }, session);
  },
};

interface ApproveOptions {
  readonly references: readonly string[];
  /** A file with more references. */
  readonly file: string | undefined;
  readonly reason: string | undefined;
  readonly config: string;
  /** Prints the outcome for each tag as JSON, instead of sentences. */
  readonly json: boolean;
}

interface Result {
  /** The image under its name in the bucket. */
  readonly image: string;
  readonly wanted: Digest;
  readonly isListed: boolean;
  readonly outcome: HandOutcome | { readonly result: 'failed'; readonly error: string };
}

/** The most repositories that are worked on in parallel. */
const AT_ONCE = 8;

/**
 * @returns the exit code: 0, or 1 if a tag could not be moved, or if the edge may not show the change
 * @throws {UsageError} with every reference that cannot be approved; nothing was approved then
 * @throws {ConfigurationError} before anything is approved
 */
async function runApprove(options: ApproveOptions, session: Session): Promise<number> {
  const { config } = options;
  const named = parseApprovals(options.references.map((text) => ({ text, place: undefined })));
  const listed = options.file === undefined ? [] : await readApprovals(options.file, session.cwd);
  const configuration = await loadConfiguration(config, session.env, {
    needsImages: false,
    cwd: session.cwd,
  });
  const located = locateApprovals([...named, ...listed], (reference) =>
    findRepository(configuration, reference),
  );

  const progress = new Progress(session);
  using interruption = stopOnSignals(progress, session);
  const { signal } = interruption;
  const { result: done, unseen } = await withWritable(
    config,
    configuration,
    { log: progress, variables: session.env, signal },
    (environment) =>
      carryOut(environment, located, {
        name: configuration.name,
        reason: options.reason,
        by: currentActor(session.env),
      }),
  ).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    const failure = error instanceof Error ? error.message : String(error);
    return { result: { failure }, unseen: undefined };
  });
  if ('failure' in done) {
    progress.fail(`before anything was moved: ${done.failure}`);
    return 1;
  }
  const { results } = done;
  report(results, options, progress, session);
  if (unseen !== undefined && results.length > 0) progress.warn(unseen);
  const isDone = results.length === 0 || unseen === undefined;
  return isDone && results.every(({ outcome }) => outcome.result !== 'failed') ? 0 : 1;
}

/** Prints the work that was done as the result, and the work that could not be done as an error. */
function report(
  results: readonly Result[],
  { json, reason }: ApproveOptions,
  progress: Progress,
  session: Session,
): void {
  if (!json && results.length === 0)
    printResult('the list names no tag, so nothing was approved', String, session);
  for (const { image, wanted, outcome } of results) {
    if (outcome.result === 'failed') {
      progress.fail(`${image}: ${outcome.error}`);
    } else if (!json) {
      const style = styleFor(session.stdout, session.env);
      const describe = (shown: typeof outcome) =>
        describeApproval(image, wanted, shown, style, session.commandLine);
      printResult(outcome, describe, session);
    }
  }
  if (json) {
    const approvals = results.map(({ image, wanted, outcome }) => ({ image, wanted, ...outcome }));
    printJson({ approvals }, session);
  }
  const listed = results.filter(({ isListed, outcome: { result } }) => {
    return isListed && (result === 'unchanged' || result === 'held');
  }).length;
  if (reason !== undefined && listed > 0) {
    progress.info(
      `The reason is not recorded for ${countOf(listed, 'tag')} of the list, because nothing is written for an unchanged line.`,
    );
  }
}

async function carryOut(
  environment: Environment,
  wanted: readonly WantedApproval[],
  { name, ...attribution }: Pick<Approval, 'reason' | 'by'> & { readonly name: string },
): Promise<{ readonly results: readonly Result[] } | { readonly failure: string }> {
  let states: ReadonlyMap<Repository, RepositoryState>;
  let approvals: readonly Approval[];
  try {
    states = await openStates(environment, wanted);
    approvals = await checkApprovals(environment, states, wanted, attribution);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { failure: error.message };
  }
  return { results: await approveAll(environment, name, states, approvals) };
}

async function openStates(
  environment: Environment,
  wanted: readonly WantedApproval[],
): Promise<ReadonlyMap<Repository, RepositoryState>> {
  const repositories = [...new Set(wanted.map(({ reference }) => reference.repository))];
  const limit = createLimit(AT_ONCE);
  return new Map(
    await Promise.all(
      repositories.map((repository) =>
        limit(async () => [repository, await RepositoryState.open(environment, repository)] as const),
      ),
    ),
  );
}

/**
 * Works on several repositories at once, and on the tags of one repository in turn, because they share its index.
 * @param name the configuration's
 */
async function approveAll(
  environment: Environment,
  name: string,
  states: ReadonlyMap<Repository, RepositoryState>,
  approvals: readonly Approval[],
): Promise<readonly Result[]> {
  const results = new Map<Approval, Result>();
  const limit = createLimit(AT_ONCE);
  await Promise.all(
    [...Map.groupBy(approvals, ({ repository }) => repository)].map(([repository, group]) =>
      limit(async () => {
        for (const one of group) {
          const image = formatReference({ repository, tag: one.tag, digest: undefined });
          results.set(one, {
            image,
            wanted: one.target.digest,
            isListed: one.isListed,
            outcome: await outcomeOf(environment, states.get(repository), one),
          });
        }
        const state = states.get(repository);
        const anew = new Set(group.map(({ tag }) => tag));
        if (state !== undefined) await showMoved(environment, { name, repository, state, anew });
      }),
    ),
  );
  return approvals.flatMap((one) => results.get(one) ?? []);
}

async function outcomeOf(
  environment: Environment,
  state: RepositoryState | undefined,
  approval: Approval,
): Promise<Result['outcome']> {
  try {
    const own = state ?? (await RepositoryState.open(environment, approval.repository));
    return await approveTag(environment, own, approval);
  } catch (error) {
    // A failed approval does not stop the others, and one that a signal stopped says nothing of those before it.
    const isOfImage = error instanceof StoreError || error instanceof TagContendedError;
    if (!isOfImage && !environment.signal.aborted) throw error;
    return { result: 'failed', error: error instanceof Error ? error.message : String(error) };
  }
}
