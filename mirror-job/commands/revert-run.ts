/** Reverting a tag by a configuration file. */
import { formatReference, type Reference, type Tag } from '../../core/reference.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { MoveRefusedError, TagContendedError, type HandOutcome } from '../engine/tags/move-by-hand.ts';
import { RepositoryState } from '../engine/tags/repository-state.ts';
import { revertTag } from '../engine/tags/revert.ts';
import { StoreError } from '../engine/store/store.ts';
import { currentActor } from '../runtime/node/actor.ts';
import { createEnvironment } from '../assembly/environment.ts';
import { withWritable, type Written } from '../assembly/bucket-access.ts';
import { findRepository } from './arguments/named-repository.ts';
import { resolvePlace } from './arguments/resolve-digest.ts';
import type { Session } from '../terminal/io.ts';
import { describeReversion } from '../terminal/hand-text.ts';
import { Progress } from '../terminal/progress.ts';
import { printJson, printResult } from '../terminal/result.ts';
import { styleFor } from '../terminal/style.ts';

export interface RevertOptions {
  readonly reference: Reference & { readonly tag: Tag };
  /** A digest, or how one begins; undefined for where it stood before its last movement. */
  readonly to: string | undefined;
  readonly reason: string | undefined;
  readonly config: string;
  /** Prints the outcome as JSON, instead of sentences. */
  readonly json: boolean;
}

/**
 * @returns the exit code: 0, or 1 where the store failed, runs were at work on the tag, or the edge may not show it
 * @throws {UsageError} for what cannot be done, and nothing was
 * @throws {ConfigurationError} as early
 */
export async function runRevert(
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
  let done: Written<HandOutcome>;
  try {
    done = await withWritable(
      config,
      configuration,
      { log: progress, variables: session.env },
      async (store) => {
        const environment = createEnvironment({ store, log: progress, signal: new AbortController().signal });
        const state = await RepositoryState.open(environment, repository);
        const place =
          to === undefined
            ? undefined
            : await resolvePlace(environment, state.entries(), repository, tag, to);
        const by = currentActor(session.env);
        return revertTag(environment, state, { repository, tag, to: place, reason, by });
      },
    );
  } catch (error) {
    if (error instanceof MoveRefusedError) throw new UsageError(error.message, { cause: error });
    if (!(error instanceof StoreError || error instanceof TagContendedError)) throw error;
    progress.fail(`${image}: ${error.message}`);
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
