/** Waits for another instance by asking for its status, because an event could be sent before anybody waits for it. */
import type { WorkflowStep } from 'cloudflare:workers';
import { endingOf, terminateInstance, type Ending } from './instances.ts';
import { runStep, stepName } from './steps.ts';

const FIRST_WAIT_MS = 2000;
/** Each wait is longer by a quarter, up to this. So the end of an instance is seen at most a quarter of its time late. */
const LONGEST_WAIT_MS = 60_000;
const GROWTH = 1.25;
/** More than six hours, which is longer than any run should take. */
const MAX_WAITS = 400;

/** @param what names the instance in the steps. It is unique among the waits of the instance that waits */
export async function waitForInstance<Input>(
  workflow: Workflow<Input>,
  id: string,
  what: string,
  step: WorkflowStep,
): Promise<Ending> {
  let waitMs = FIRST_WAIT_MS;
  for (let count = 1; count <= MAX_WAITS; count += 1) {
    const { ending } = await runStep(step, `look ${count} at ${what}`, async () => ({
      ending: (await endingOf(workflow, id)) ?? null,
    }));
    if (ending !== null) return ending;
    await step.sleep(stepName(`wait ${count} for ${what}`), waitMs);
    waitMs = Math.min(GROWTH * waitMs, LONGEST_WAIT_MS);
  }
  // Otherwise it would go on beside the next run.
  await runStep(step, `terminate ${what}`, () => terminateInstance(workflow, id));
  return { failure: `The instance ${id} was terminated, because it took more than six hours.` };
}
