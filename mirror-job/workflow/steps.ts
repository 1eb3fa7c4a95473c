/** How the steps of all workflows are tried again. Every step may run twice, and may die anywhere. */
import type { WorkflowStepConfig } from 'cloudflare:workers';

/**
 * Upstreams and stores are asked again within a step, so a step fails for what these attempts do not mend: an isolate that was
 * thrown away, or a store that is down for minutes.
 */
export const STEP = {
  retries: { limit: 4, delay: '20 seconds', backoff: 'exponential' },
  timeout: '5 hours',
} as const satisfies WorkflowStepConfig;
