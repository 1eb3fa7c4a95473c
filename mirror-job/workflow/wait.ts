/** Waits for another instance by asking for its status, because an event could be sent before anybody waits for it. */
import type { WorkflowStep } from 'cloudflare:workers';
import { endingOf, type Ending } from './instances.ts';
import { runStep } from './steps.ts';

const FIRST_WAIT_SECONDS = 2;
/** The wait doubles up to this. */
const LONGEST_WAIT_SECONDS = 60;
/** Two steps each: five hours take some 600 of them. */
const MAX_WAITS = 400;

/** @param what names it in the steps, such as `the copy of sha256:…` */
export async function waitForInstance<Input>(
  workflow: Workflow<Input>,
  id: string,
  what: string,
  step: WorkflowStep,
): Promise<Ending> {
  let seconds = FIRST_WAIT_SECONDS;
  for (let count = 1; count <= MAX_WAITS; count += 1) {
    const { ending } = await runStep(step, `look at ${what}, ${count}`, async () => ({
      ending: (await endingOf(workflow, id)) ?? null,
    }));
    if (ending !== null) return ending;
    await step.sleep(`wait for ${what}, ${count}`, seconds * 1000);
    seconds = Math.min(2 * seconds, LONGEST_WAIT_SECONDS);
  }
  return { failure: `It has not ended within ${(MAX_WAITS * LONGEST_WAIT_SECONDS) / 3600} hours.` };
}
