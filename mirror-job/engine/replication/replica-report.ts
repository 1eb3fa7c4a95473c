/** Reports what became of the stores at the end of a run. */
import type { Environment } from '../environment.ts';
import type { RunReport } from '../report.ts';
import { keepExitCode, keepReport } from '../run/run-end.ts';
import type { ReplicaSet } from './replica-set.ts';

/**
 * Publishes once more which stores are behind, because another run may have caught one up meanwhile from a state before
 * the writes of this run. Never throws.
 * @param name the configuration's; undefined if the bucket has no record of the run
 * @returns the report with the final state of each store. The bucket has the same report
 */
export async function reportOnStores(
  environment: Pick<Environment, 'store' | 'log'>,
  replicas: ReplicaSet,
  name: string | undefined,
  report: RunReport,
): Promise<RunReport> {
  try {
    await replicas.publishStatusAgain();
  } catch (error) {
    environment.log.warn(error instanceof Error ? error.message : String(error));
  }
  const final = (): RunReport => ({ ...report, stores: replicas.report() });
  const isReported = replicas.report().every(({ state }, index) => state === report.stores?.[index]?.state);
  // A store failed while the report was written, and the report says that it is in step.
  if (!isReported && name !== undefined) {
    await keepReport(environment, name, final());
    await keepExitCode(environment, name, final());
  }
  return final();
}
