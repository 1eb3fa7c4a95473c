/** The copy of one large blob. Its instance is named by the digest, so that it is fetched once, whoever needs it. */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from 'cloudflare:workers';
import type { JobBindings } from './bindings.ts';
import type { BlobInput } from './inputs.ts';
import { runStep } from './steps.ts';
import { IsolateWork } from './isolate-work.ts';

export class BlobWorkflow extends WorkflowEntrypoint<JobBindings, BlobInput> {
  override async run({ payload: { run, blob } }: WorkflowEvent<BlobInput>, step: WorkflowStep) {
    await runStep(step, `copy ${blob.digest}`, async () => {
      const work = await IsolateWork.open(this.env, run, [blob.repository]);
      await work.copy(blob);
    });
    return { digest: blob.digest, size: blob.size };
  }
}
