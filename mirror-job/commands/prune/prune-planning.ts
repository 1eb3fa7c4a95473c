/** Makes the plan of `lifeboat prune`. */
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { openForPlanning } from '../../assembly/prunable-stores.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { PruneRefusedError } from '../../engine/maintenance/condemn.ts';
import { newPlan, planStore, type StorePlan } from '../../engine/maintenance/prune-plan.ts';
import { policies } from '../../engine/maintenance/repository-policy.ts';
import { DEFAULT_RETENTION } from '../../engine/maintenance/retention.ts';
import { namesOf } from '../../in-use/first-names.ts';
import { hasRetention, readPruneScope } from '../../prune/prune-scope.ts';
import { systemClock } from '../../runtime/node/clock.ts';
import { quote } from '../../terminal/command-line.ts';
import { describePlan } from '../../terminal/prune-text.ts';
import { formatJson, printJson, printResult } from '../../terminal/result.ts';
import { styleFor } from '../../terminal/style.ts';
import { refuseUnwritable, writeOutput } from '../output/output-file.ts';
import type { PruneTerminal } from './prune-steps.ts';
import { failureText, isRefusal, isStoreFailure, type StoreFailure } from './store-failure.ts';

export interface Planning {
  /** The configuration's file. */
  readonly config: string;
  /** The plan's file; undefined to write none. */
  readonly file: string | undefined;
  /** Whether the exit code says that there is something to prune. */
  readonly check: boolean;
  readonly json: boolean;
}

/**
 * @returns the exit code
 * @throws {ConfigurationError} if no store answers, {PruneRefusedError}, {BucketRefusedError}, {WrongClockError}, and the signal's reason
 */
export async function makePlan(
  configuration: Configuration,
  { config, file, check, json }: Planning,
  terminal: PruneTerminal,
): Promise<number> {
  const { session, progress } = terminal;
  if (!hasRetention(configuration)) {
    throw new PruneRefusedError(
      'the configuration has no retention, so nothing is ever pruned. Add one, as in retention: { history: 10, days: 90 }.',
    );
  }
  if (file !== undefined) await refuseUnwritable('--plan', file, session.cwd);
  const made = systemClock.now().toISOString();
  const { stores, failures } = await planStores(config, configuration, terminal);
  for (const { store, error } of failures) {
    const text = failureText(store, error);
    progress.fail(stores.length === 0 ? text : `${text} The plan leaves this store out.`);
  }
  if (stores.length === 0) return failures.every(({ error }) => isRefusal(error)) ? 2 : 1;
  const plan = newPlan({ id: randomUUID(), configuration: configuration.name, made, stores });
  if (json) printJson(plan, session);
  else {
    const style = styleFor(session.stdout, session.env);
    printResult(plan, (shown) => describePlan(shown, style), session);
  }
  const isEmpty = stores.every(({ goes }) => goes.objects === 0);
  const isRefused = stores.some(({ refusal }) => refusal !== undefined);
  if (file !== undefined && !isEmpty) {
    await writeOutput(resolve(session.cwd, file), formatJson(plan, session.commandLine));
    progress.info(`The plan is in ${file}. ${nextStep(stores, file, configuration, terminal)}`);
  }
  if (failures.length > 0) return 1;
  if (check) return isEmpty ? 0 : 3;
  return isRefused ? 2 : 0;
}

/** Plans each store by itself, because one that fails must not keep the others from being pruned. */
async function planStores(
  config: string,
  configuration: Configuration,
  { session, progress, signal }: PruneTerminal,
): Promise<{
  readonly stores: readonly StorePlan[];
  readonly failures: readonly { readonly store: string; readonly error: StoreFailure }[];
}> {
  const { opened, failures } = await openForPlanning(config, configuration, {
    log: progress,
    variables: session.env,
  });
  const failed: { store: string; error: StoreFailure }[] = [...failures];
  const stores: StorePlan[] = [];
  for (const { store, id } of opened) {
    try {
      stores.push(
        await planStore({
          store,
          bucket: id,
          policyOf: policies(await readPruneScope(store, configuration, systemClock.now())),
          clock: systemClock,
          maxDeletePercent: (configuration.retention ?? DEFAULT_RETENTION).maxDeletePercent,
          signal,
        }),
      );
    } catch (error) {
      if (signal.aborted || !isStoreFailure(error)) throw error;
      failed.push({ store: store.name, error });
    }
  }
  return { stores, failures: failed };
}

function nextStep(
  stores: readonly StorePlan[],
  file: string,
  configuration: Configuration,
  { session }: PruneTerminal,
): string {
  const unswept = [configuration.store, ...configuration.laterStores].filter(
    ({ singleWriter }) => singleWriter,
  );
  if (unswept.length > 0) {
    const names = unswept.map(({ key }) => key).join(', ');
    return `No command applies it, because ${names} has singleWriter: true: without conditional writes, nothing keeps a run and a sweep apart. docs/removing.md says, at "A store with singleWriter", how to delete the keys of a plan with an S3 client.`;
  }
  if (stores.some(({ underWay }) => underWay !== undefined)) {
    return 'It cannot be applied before the plan that is under way has come to its end ("lifeboat prune --continue") or is given up ("lifeboat prune --cancel").';
  }
  if (stores.some(({ refusal }) => refusal !== undefined)) {
    return 'It cannot be applied as long as it is refused.';
  }
  const unlisted = new Set(stores.flatMap((store) => store.unlisted));
  const apply = session.commandLine.for(`prune --apply ${quote(file)}`);
  if (unlisted.size === 0) return `Look at it, and then: ${apply}`;
  return `It takes what the configuration does not list: ${namesOf([...unlisted].toSorted(), 5)}. If no other file with the same name lists it, look at the plan, and then: ${apply} --unlisted`;
}
