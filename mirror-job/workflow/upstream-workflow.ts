/** The part of a run that mirrors from one upstream: a step per repository. */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from 'cloudflare:workers';
import pLimit from 'p-limit';
import type { JobBindings } from './bindings.ts';
import type { UpstreamInput } from './inputs.ts';
import { RepositorySteps } from './repository-steps.ts';
import { failedPart, joinParts, type RunPart } from './run-part.ts';
import { messageOf } from './steps.ts';
import { REPOSITORIES_AT_ONCE } from './workers-environment.ts';

export class UpstreamWorkflow extends WorkflowEntrypoint<JobBindings, UpstreamInput> {
  override async run({ payload }: WorkflowEvent<UpstreamInput>, step: WorkflowStep): Promise<RunPart> {
    const steps = new RepositorySteps(this.env, payload, step);
    const repositoriesAtOnce = pLimit(REPOSITORIES_AT_ONCE);
    // Parts are joined as they come, because each of them may have hundreds of items.
    let total = joinParts([]);
    await Promise.all(
      payload.repositories.map((repository) =>
        repositoriesAtOnce(async () => {
          let part: RunPart;
          try {
            part = await steps.mirror(repository);
          } catch (error) {
            // One repository must not fail the others. Its step has been tried several times.
            part = failedPart([repository], messageOf(error));
          }
          total = joinParts([total, part]);
        }),
      ),
    );
    return inOrderOf(payload.repositories, total);
  }
}

interface Placed {
  readonly repository?: string;
}

/** The report has one order, whichever repository is done first. */
function inOrderOf(repositories: readonly string[], part: RunPart): RunPart {
  const places = new Map(repositories.map((repository, place) => [repository, place]));
  const placeOf = ({ repository = '' }: Placed): number => places.get(repository) ?? 0;
  const byPlace = (one: Placed, other: Placed): number => placeOf(one) - placeOf(other);
  return { ...part, items: part.items.toSorted(byPlace), findings: part.findings.toSorted(byPlace) };
}
