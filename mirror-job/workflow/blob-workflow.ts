/** The copy of one large blob. Its instance is named by run and digest, so that a run fetches it once, whoever needs it. */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from 'cloudflare:workers';
import type { JobBindings } from './bindings.ts';
import type { BlobInput } from './inputs.ts';
import { IsolateWork } from './isolate-work.ts';
import type { BlobResult } from './step-result.ts';
import { messageOf, runStep } from './steps.ts';

export class BlobWorkflow extends WorkflowEntrypoint<JobBindings, BlobInput> {
  override async run(
    { payload: { blob, ...scope } }: WorkflowEvent<BlobInput>,
    step: WorkflowStep,
  ): Promise<BlobResult> {
    try {
      return await runStep(step, `copy ${blob.digest}`, async () => {
        const work = await IsolateWork.open(this.env, { ...scope, repositories: [blob.repository] });
        return work.copy(blob);
      });
    } catch (error) {
      return { failure: `The copy of ${blob.digest} failed: ${messageOf(error)}` };
    }
  }
}
