/** The part of a run that mirrors from one upstream: a step per repository, and an instance of its own for each large blob. */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from 'cloudflare:workers';
import pLimit from 'p-limit';
import type { JobBindings } from './bindings.ts';
import type { LargeBlob, UpstreamInput } from './inputs.ts';
import { beginInstance, instanceId } from './instances.ts';
import { runStep } from './steps.ts';
import { joinParts, outcomesForgotten, partOf, type RunPart } from './run-part.ts';
import { IsolateWork } from './isolate-work.ts';
import type { StepResult } from './step-result.ts';
import { waitForInstance } from './wait.ts';
import { REPOSITORIES_AT_ONCE } from './workers-environment.ts';

/** An image whose large blobs were copied may need further ones that only now are known. */
const MAX_ROUNDS = 3;

/** By instance: what its steps share in this isolate. An isolate that was thrown away has none. */
const works = new Map<string, Promise<IsolateWork>>();

export class UpstreamWorkflow extends WorkflowEntrypoint<JobBindings, UpstreamInput> {
  /** @returns a RunPart */
  override async run(event: WorkflowEvent<UpstreamInput>, step: WorkflowStep): Promise<RunPart> {
    const { instanceId: id, payload } = event;
    const limit = pLimit(REPOSITORIES_AT_ONCE);
    try {
      const parts = await Promise.all(
        payload.repositories.map((repository) =>
          limit(() => this.#mirror(repository, { id, payload, step })),
        ),
      );
      return joinParts(parts);
    } finally {
      works.delete(id);
    }
  }

  async #mirror(
    repository: string,
    {
      id,
      payload,
      step,
    }: { readonly id: string; readonly payload: UpstreamInput; readonly step: WorkflowStep },
  ): Promise<RunPart> {
    const mirror = (round: number): Promise<StepResult> =>
      runStep(step, `mirror ${repository}${round === 1 ? '' : `, round ${round}`}`, async () => {
        const work = await this.#workOf(id, payload);
        return work.mirror(repository);
      });
    const earlier: RunPart[] = [];
    for (let round = 1; ; round += 1) {
      const { deferred, ...result } = await mirror(round);
      const part = partOf(result);
      // Of several rounds the last one's outcomes count, and what all of them have copied and requested.
      if (deferred.length === 0 || round === MAX_ROUNDS) return joinParts([...earlier, part]);
      earlier.push(outcomesForgotten(part));
      await Promise.all(deferred.map((blob) => this.#copy(blob, payload.run, step)));
    }
  }

  /** Waits until the instance of the blob has ended, whoever has begun it. A blob that could not be copied fails its images. */
  async #copy(blob: LargeBlob, run: string, step: WorkflowStep): Promise<void> {
    const id = instanceId('blob', blob.digest);
    await runStep(step, `begin the copy of ${blob.digest}`, async () => {
      await beginInstance(this.env.BLOB, id, { run, blob }, { restartsEnded: true });
    });
    await waitForInstance(this.env.BLOB, id, `the copy of ${blob.digest}`, step);
  }

  #workOf(id: string, { run, repositories }: UpstreamInput): Promise<IsolateWork> {
    let work = works.get(id);
    if (work === undefined) {
      work = IsolateWork.open(this.env, run, repositories);
      works.set(id, work);
      // The next step tries again.
      work.catch(() => works.delete(id));
    }
    return work;
  }
}
