/** Brings the pages of the edge up to date after a person has moved tags of a repository. */
import type { Repository, Tag } from '../../../core/reference.ts';
import { overviewOf } from '../description/overview-line.ts';
import { describeRepository } from '../description/repository-description.ts';
import type { Environment } from '../environment.ts';
import type { RepositoryState } from '../tags/repository-state.ts';
import { keepLines } from './run-end.ts';

interface Moved {
  /** The configuration's name. */
  readonly name: string;
  readonly repository: Repository;
  readonly state: RepositoryState;
  /** The tags whose movements are read again. */
  readonly anew?: ReadonlySet<Tag>;
}

/** Never throws: a failure is a warning, and the next run goes on. */
export async function showMoved(environment: Environment, moved: Moved): Promise<void> {
  const { clock, run } = environment;
  const { name, repository, state } = moved;
  const newest = await describeRepository(environment, moved);
  const now = clock.now().toISOString();
  const { line, held } = overviewOf(repository, state.entries(), [], { newest, now });
  await keepLines(environment, name, { run, ended: now, repositories: [line], held });
}
