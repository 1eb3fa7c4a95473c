/** Applies a plan of `lifeboat prune` step by step. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { withPrunable, type PrunableBucket } from '../../assembly/prunable-stores.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { PruneRefusedError } from '../../engine/maintenance/condemn.ts';
import { readPlan, type ReadPlan } from '../../engine/maintenance/prune-plan.ts';
import { namesOf } from '../../in-use/first-names.ts';
import { applyStep } from '../../prune/apply-step.ts';
import { errorCode } from '../../runtime/node/error-code.ts';
import { systemClock } from '../../runtime/node/clock.ts';
import type { Session } from '../../terminal/io.ts';
import type { Progress } from '../../terminal/progress.ts';
import { describeStep, type StepResult } from '../../terminal/prune-text.ts';
import { printJson, printResult } from '../../terminal/result.ts';
import { failureText, isRefusal, isStoreFailure, type StoreFailure } from './store-failure.ts';

const MAX_PLAN_AGE_MS = 7 * 24 * 3_600_000;
/** How far the clocks of two machines may be apart. */
const MAX_AHEAD_MS = 10 * 60_000;

/** The terminal of the command, and the signal that is aborted when it has to stop. */
export interface PruneTerminal {
  readonly session: Session;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * @throws {UsageError} for a plan that cannot be used
 */
export async function planIn(
  file: string,
  configuration: Configuration,
  {
    cwd,
    mayTakeUnlisted,
  }: {
    readonly cwd: string;
    /** Whether the plan may take what the configuration does not list. */
    readonly mayTakeUnlisted: boolean;
  },
): Promise<ReadPlan> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(resolve(cwd, file));
  } catch (error) {
    throw new UsageError(
      `--apply ${file}: it cannot be read (${errorCode(error)}). "lifeboat prune" writes it.`,
      { cause: error },
    );
  }
  const plan = readPlan(bytes);
  const refuse = (reason: string): never => {
    throw new UsageError(`--apply ${file}: ${reason} Make a new one: "lifeboat prune"`);
  };
  if (typeof plan === 'string') return refuse(plan);
  const { unlisted, made } = plan;
  const { name } = configuration;
  if (plan.configuration !== name) {
    return refuse(`it is a plan for the configuration "${plan.configuration}", and this one is "${name}".`);
  }
  const ageMs = systemClock.now().getTime() - Date.parse(made);
  if (ageMs < -MAX_AHEAD_MS) {
    return refuse(
      `it was made at ${made}, which is in the future by this machine's clock. Look whether the clock is right.`,
    );
  }
  if (ageMs > MAX_PLAN_AGE_MS) return refuse(`it was made at ${made}, which is more than seven days ago.`);
  if (unlisted.length > 0 && !mayTakeUnlisted) {
    throw new UsageError(
      `--apply ${file}: it takes what the configuration does not list: ${namesOf(unlisted, 5)}. If another file with the name "${name}" lists one of them, give that file a name of its own and run it once. Otherwise add --unlisted.`,
    );
  }
  return plan;
}

/**
 * Goes through the stores one after the other. One that fails does not keep the others from their step.
 * @returns the exit code
 * @throws {PruneRefusedError} for a plan of other buckets, {ConfigurationError}, {WrongClockError}, and the signal's reason
 */
export async function applyPlan(
  {
    config,
    plan,
    cancel,
    json,
  }: {
    readonly config: string;
    readonly plan: ReadPlan | undefined;
    readonly cancel: boolean;
    readonly json: boolean;
  },
  configuration: Configuration,
  { session, progress, signal }: PruneTerminal,
): Promise<number> {
  const results: { readonly store: string; readonly result: StepResult }[] = [];
  const failures: { readonly store: string; readonly error: StoreFailure }[] = [];
  const foreign: string[] = [];
  const step = async (bucket: PrunableBucket): Promise<void> => {
    const store = bucket.store.name;
    try {
      const result = await applyStep(bucket, { configuration, plan, cancel, clock: systemClock, signal });
      if (result === undefined) foreign.push(store);
      else results.push({ store, result });
    } catch (error) {
      if (signal.aborted || !isStoreFailure(error)) throw error;
      failures.push({ store, error });
    }
  };
  let unready: readonly string[] = [];
  try {
    unready = await withPrunable(
      config,
      configuration,
      { log: progress, signal, variables: session.env },
      step,
    );
  } finally {
    // Also if the work has ended early: what was done stays done.
    print(results, json, session);
  }
  for (const { store, error } of failures) progress.fail(failureText(store, error));
  for (const name of unready) {
    progress.warn(
      `${name} was left out, because it is not in step. "lifeboat sync" catches it up; then do this again.`,
    );
  }
  if (results.length === 0 && unready.length === 0 && foreign.length > 0 && failures.length === 0) {
    throw new PruneRefusedError(
      `${foreign.join(', ')}: the plan is for another bucket. Make a new one: "lifeboat prune"`,
    );
  }
  for (const name of foreign) {
    progress.warn(
      `${name} was left out, because the plan has nothing about it: it could not be read when the plan was made. Once this plan has come to its end, make another one: "lifeboat prune"`,
    );
  }
  if (results.length === 0 && unready.length + foreign.length === 0 && failures.length > 0) {
    return failures.every(({ error }) => isRefusal(error)) ? 2 : 1;
  }
  const hasYielded = results.some(({ result }) => result.step === 'swept' && result.kind === 'yielded');
  return unready.length + foreign.length + failures.length > 0 || hasYielded ? 1 : 0;
}

function print(
  results: readonly { readonly store: string; readonly result: StepResult }[],
  isJson: boolean,
  session: Session,
): void {
  if (isJson) printJson({ stores: results.map(({ store, result }) => ({ store, ...result })) }, session);
  else if (results.length > 0) {
    printResult(
      results,
      (shown) => shown.map(({ store, result }) => describeStep(store, result)).join('\n'),
      session,
    );
  }
}
