/** Applies a plan of `lifeboat prune` step by step. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { withPrunable, type PrunableBucket } from '../../assembly/prunable-stores.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { readPlan, type ReadPlan } from '../../engine/maintenance/prune-plan.ts';
import { namesOf } from '../../in-use/first-names.ts';
import { applyStep } from '../../prune/apply-step.ts';
import { errorCode } from '../../runtime/node/error-code.ts';
import { systemClock } from '../../runtime/node/clock.ts';
import type { Session } from '../../terminal/io.ts';
import type { Progress } from '../../terminal/progress.ts';
import { describeStep, type StepResult } from '../../terminal/prune-text.ts';
import { printJson, printResult } from '../../terminal/result.ts';

const MAX_PLAN_AGE_MS = 7 * 24 * 3_600_000;

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
  if (ageMs > MAX_PLAN_AGE_MS) return refuse(`it was made at ${made}, which is more than seven days ago.`);
  if (unlisted.length > 0 && !mayTakeUnlisted) {
    throw new UsageError(
      `--apply ${file}: it takes what the configuration does not list: ${namesOf(unlisted, 5)}. If another file with the name "${name}" lists one of them, give that file a name of its own and run it once. Otherwise add --unlisted.`,
    );
  }
  return plan;
}

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
  const step = async (bucket: PrunableBucket): Promise<void> => {
    const result = await applyStep(bucket, { configuration, plan, cancel, clock: systemClock, signal });
    results.push({ store: bucket.store.name, result });
  };
  let leftOut: readonly string[] = [];
  try {
    leftOut = await withPrunable(
      config,
      configuration,
      { log: progress, signal, variables: session.env },
      step,
    );
  } finally {
    // Also if a later store has failed: what was done stays done.
    if (json) printJson({ stores: results.map(({ store, result }) => ({ store, ...result })) }, session);
    else if (results.length > 0) {
      printResult(
        results,
        (shown) => shown.map(({ store, result }) => describeStep(store, result)).join('\n'),
        session,
      );
    }
  }
  for (const name of leftOut) {
    progress.warn(
      `${name} was left out, because it is not in step. "lifeboat sync" catches it up; then do this again.`,
    );
  }
  const hasYielded = results.some(({ result }) => result.step === 'swept' && result.kind === 'yielded');
  return leftOut.length > 0 || hasYielded ? 1 : 0;
}
