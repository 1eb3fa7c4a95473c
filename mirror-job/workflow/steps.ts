/** How the steps of all workflows are run and tried again. Every step may run twice, and may die anywhere. */
import type { WorkflowStep, WorkflowStepConfig } from 'cloudflare:workers';
import { NonRetryableError } from 'cloudflare:workflows';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { BucketRefusedError } from '../engine/store/bucket.ts';
import { consoleLog } from '../runtime/workers/console-log.ts';

/**
 * Upstreams and stores are asked again within a step, so a step fails for what these attempts do not mend: an isolate that was
 * thrown away, or a store that is down for minutes.
 */
const CONFIG = {
  retries: { limit: 4, delay: '20 seconds', backoff: 'exponential' },
  timeout: '5 hours',
} as const satisfies WorkflowStepConfig;

/**
 * Runs a step. What it returns is kept, so that it is not run again once it has returned. A failure is logged, because the
 * runtime tells only the last one.
 * @param name is unique within the instance
 */
export async function runStep<Result extends Rpc.Serializable<Result>>(
  step: WorkflowStep,
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  return step.do(name, CONFIG, async () => {
    try {
      return await work();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      consoleLog.warn(`The step "${name}" failed: ${message}`);
      // Somebody has to change something before another attempt can end better.
      if (error instanceof ConfigurationError || error instanceof BucketRefusedError) {
        throw new NonRetryableError(message);
      }
      throw error;
    }
  });
}
