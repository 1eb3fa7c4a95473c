/** The history of a tag, or of an image, by a configuration file. Nothing is written. */
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

export interface HistoryOptions {
  readonly reference: Reference;
  /** Movements. */
  readonly limit: number;
  readonly config: string;
  /** Prints JSON, with whole digests. */
  readonly json: boolean;
}

/**
 * @returns the exit code: 0, or 1 where the bucket has nothing of that name, or failed
 * @throws {UsageError} for a name that stands for several
 * @throws {ConfigurationError} where it or the store cannot be used
 */
export async function runHistory(
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
  try {
    const environment = createEnvironment({ store, log: progress, signal: new AbortController().signal });
    movements = await readMovements(environment, repository, reference.tag, limit);
    const state = await RepositoryState.open(environment, repository);
    const { tag } = reference;
    const entries = state.entries();
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
    const found = { movements, tags, limit };
    printResult(found, (shown) => describeHistory(named, shown, style, session.commandLine), session);
  }
  return 0;
}
