/** Wrangler's entry for the job as a Worker: a cron trigger begins a run, and the edge's misses begin what is mirrored on demand. */
import type { JobBindings } from './bindings.ts';
import { takeMisses } from './demand-queue.ts';
import { beginInstance, instanceId } from './instances.ts';

export { BlobWorkflow } from './blob-workflow.ts';
export { DemandWorkflow } from './demand-workflow.ts';
export { RunWorkflow } from './run-workflow.ts';
export { UpstreamWorkflow } from './upstream-workflow.ts';

export default {
  /** The id is the time at which the run was due, so that a trigger that fires twice begins it once. */
  async scheduled({ scheduledTime }, { RUN }) {
    const due = new Date(scheduledTime).toISOString();
    await beginInstance(RUN, instanceId('run', due), undefined);
  },

  async queue(batch, bindings) {
    await takeMisses(batch, bindings);
  },
} satisfies ExportedHandler<JobBindings>;
