/** Runs the steps of all workflows, and tries them again. Every step may run twice, and may die anywhere. */
import type { WorkflowStep, WorkflowStepConfig } from 'cloudflare:workers';
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
/** More than a digest has. */
const END_CHARACTERS = 150;

/** The end of a step that is not tried again: it has a result, or somebody has to change something first. */
type Outcome<Result> = { readonly result: Result } | { readonly refusal: string };

/**
 * Runs a step. Its result is kept, so a step that has returned is not run again. A failure is logged, because the runtime
 * shows only the last one.
 * @param name unique within the instance, also without its middle
 * @throws an error with the sentence for a refused configuration or bucket, at the first attempt. It is a result of the step,
 *   because the runtime puts a message of its own in the place of a `NonRetryableError`'s
 */
export async function runStep<Result extends Rpc.Serializable<Result>>(
  step: WorkflowStep,
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const attempt = async (): Promise<Outcome<Result>> => {
    try {
      return { result: await work() };
    } catch (error) {
      const message = messageOf(error);
      consoleLog.warn(`The step "${name}" failed: ${message}`);
      if (error instanceof ConfigurationError || error instanceof BucketRefusedError)
        return { refusal: message };
      throw error;
    }
  };
  const outcome = await step.do(stepName(name), CONFIG, attempt);
  if ('refusal' in outcome) throw new Error(outcome.refusal);
  return outcome.result;
}

/** Cuts a name that Cloudflare would refuse in its middle, because an attempt stands at its start and a digest at its end. */
export function stepName(name: string): string {
  if (name.length <= MAX_NAME_CHARACTERS) return name;
  return `${name.slice(0, MAX_NAME_CHARACTERS - END_CHARACTERS)}${name.slice(-END_CHARACTERS)}`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
