/** Runs the steps of all workflows, and tries them again. Every step may run twice, and may die anywhere. */
import type { WorkflowStep, WorkflowStepConfig } from 'cloudflare:workers';
import { NonRetryableError } from 'cloudflare:workflows';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { BucketRefusedError } from '../engine/store/bucket.ts';
import { consoleLog } from '../runtime/workers/console-log.ts';

/**
 * Requests are repeated within a step. So a step fails only if its isolate was thrown away, or if a store is down for longer than
 * those repeats.
 */
const CONFIG = {
  retries: { limit: 4, delay: '20 seconds', backoff: 'exponential' },
  timeout: '1 hour',
} as const satisfies WorkflowStepConfig;

/** Cloudflare refuses longer names. */
const MAX_NAME_CHARACTERS = 256;

/**
 * Runs a step. Its result is kept, so a step that has returned is not run again. A failure is logged, because the runtime
 * shows only the last one.
 * @param name unique within the instance, also in its first 256 characters
 */
export async function runStep<Result extends Rpc.Serializable<Result>>(
  step: WorkflowStep,
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  return step.do(name.slice(0, MAX_NAME_CHARACTERS), CONFIG, async () => {
    try {
      return await work();
    } catch (error) {
      const message = messageOf(error);
      consoleLog.warn(`The step "${name}" failed: ${message}`);
      // Somebody has to change something before another attempt can end better.
      if (error instanceof ConfigurationError || error instanceof BucketRefusedError) {
        throw new NonRetryableError(message);
      }
      throw error;
    }
  });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
