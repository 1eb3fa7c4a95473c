/** The end of a run over several stores. */
import type { Environment } from '../environment.ts';
import type { RunReport } from '../report.ts';
import { keepReport } from '../run/run-end.ts';
import type { ReplicaSet } from './replica-set.ts';

/**
 * Tells the stores that are left once more which ones are behind: another run may have caught one up meanwhile, from
 * before this one has written. Never throws.
 * @returns the report with what became of the stores to the very end, which is in the bucket too
 */
export async function reportOnStores(
  environment: Pick<Environment, 'store' | 'log'>,
  members: ReplicaSet,
  name: string,
  report: RunReport,
): Promise<RunReport> {
  try {
    await members.tellAgain();
  } catch (error) {
    environment.log.warn(error instanceof Error ? error.message : String(error));
  }
  const told = (): RunReport => ({ ...report, stores: members.report() });
  const isTold = members.report().every(({ state }, index) => state === report.stores?.[index]?.state);
  // One has failed when the report was written, which says that it is in step.
  if (!isTold) await keepReport(environment, name, told());
  return told();
}
