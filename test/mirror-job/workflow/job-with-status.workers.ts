/** The job's Worker, which also answers with the status of a run, because tests outside of workerd cannot ask a workflow. */
import type { JobBindings } from '../../../mirror-job/workflow/bindings.ts';
import job from '../../../mirror-job/workflow/index.ts';

export * from '../../../mirror-job/workflow/index.ts';

export default {
  ...job,
  async fetch({ url }, { RUN }) {
    const instance = await RUN.get(new URL(url).pathname.slice(1));
    return Response.json(await instance.status());
  },
} satisfies ExportedHandler<JobBindings>;
