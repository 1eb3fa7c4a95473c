/**
 * The unit of work of a run: one repository. It takes a name and returns plain data, so that it can be a step in another
 * process (docs/decisions/0120-a-unit-of-work.md).
 */
import type { Repository } from '../../../core/reference.ts';
import type { IndexEntry } from '../../../core/repository-index.ts';
import { overviewOf, type RepositoryOverview } from '../description/overview-line.ts';
import { describeRepository } from '../description/repository-description.ts';
import { countOutcomes, type Finding, type ItemReport, type OutcomeCounts, outcomeOf } from '../report.ts';
import { RepositoryState } from '../tags/repository-state.ts';
import type { CopyCounts } from '../tally.ts';
import { ImageRun } from './image-run.ts';
import type { SharedWork } from './shared-work.ts';

/** The result of mirroring a repository. It survives JSON, so that a step can hand it to another process. */
export interface RepositoryResult {
  readonly repository: Repository;
  readonly counts: OutcomeCounts;
  /** All but the unchanged ones, which are only counted: of thousands of tags they are nearly all. */
  readonly items: readonly ItemReport[];
  readonly findings: readonly Finding[];
  /** Whether the repository has something to pull. */
  readonly isServed: boolean;
  readonly copied: CopyCounts;
  /** Its lines in the overview; undefined if nothing is known of it, or if it has nothing to pull. */
  readonly overview?: RepositoryOverview;
}

/**
 * Mirrors all images that are served under one name. Never throws: a failure is an outcome in the result. It can be run
 * again at any time, also after it was killed: it finds what is in the bucket, and does the rest.
 * @param work has the images of the repository
 * @param onOpen told the entries of the repository's index before anything changes; none if it cannot be read
 */
export async function mirrorRepository(
  repository: Repository,
  work: SharedWork,
  onOpen: (entries: readonly IndexEntry[]) => void = () => {},
): Promise<RepositoryResult> {
  const { blobs, users, onSelection, describedFor, describing } = work;
  const environment = { ...work.environment, tally: work.environment.tally.part() };
  const { store, tally, signal } = environment;
  const images = work.images.get(repository) ?? [];
  const memoryBudget = work.memoryBudget.open();
  const failed = (error: unknown): ItemReport => ({
    repository,
    reference: undefined,
    outcome: outcomeOf(error, signal),
  });
  const resultOf = (items: readonly ItemReport[], findings: readonly Finding[], isServed: boolean) => ({
    repository,
    counts: countOutcomes(items),
    items: items.filter(({ outcome }) => outcome.result !== 'unchanged'),
    findings,
    isServed,
    copied: tally.copied,
  });
  try {
    let state: RepositoryState;
    const lost: Finding[] = [];
    try {
      state = await RepositoryState.open(environment, repository, {
        isNew: () => store.look(repository),
        onLost: (message) => lost.push({ kind: 'index-lost', repository, message }),
      });
    } catch (error) {
      onOpen([]);
      return resultOf([failed(error)], [], false);
    }
    onOpen(state.entries());
    const hooks = { blobs, memoryBudget, users, ...(onSelection !== undefined && { onSelection }) };
    const runs = images.map((image) => new ImageRun(environment, image, state, hooks));
    const items = await Promise.all(runs.map((run) => run.run(work.tagSlots)));
    const unwritten: ItemReport[] = [];
    try {
      await state.flush();
    } catch (error) {
      unwritten.push(failed(error));
    }
    // Tags are worked on side by side, but their findings have one order. The index may be found lost up to its last write.
    const findings = [
      ...lost,
      ...runs.flatMap((run) =>
        run.findings.toSorted((one, other) => ((one.tag ?? '') < (other.tag ?? '') ? -1 : 1)),
      ),
    ];
    const all = [...items.flat(), ...unwritten];
    const newest =
      describedFor === undefined || unwritten.length > 0
        ? undefined
        : await describing(() => describeRepository(environment, { name: describedFor, repository, state }));
    store.leave(repository);
    const result = resultOf(all, findings, !state.isEmpty);
    const now = environment.clock.now().toISOString();
    return state.isEmpty
      ? result
      : { ...result, overview: overviewOf(repository, state.entries(), all, { newest, now }) };
  } finally {
    // Nothing of a repository is needed after its end.
    memoryBudget.close();
    blobs.leave?.(repository);
    for (const { source } of images) users.end(source);
  }
}
