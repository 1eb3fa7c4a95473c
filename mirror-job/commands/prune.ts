/** `lifeboat prune` deletes what the retention of the configuration no longer keeps: it makes a plan, and applies it in steps. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { openForPlanning, withPrunable, type PrunableBucket } from '../assembly/prunable-stores.ts';
import { loadConfiguration } from '../configuration/load.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { PruneRefusedError } from '../engine/maintenance/condemn.ts';
import {
  newPlan,
  planStore,
  readPlan,
  type PrunePlan,
  type ReadPlan,
} from '../engine/maintenance/prune-plan.ts';
import { policies } from '../engine/maintenance/repository-policy.ts';
import { DEFAULT_RETENTION } from '../engine/maintenance/retention.ts';
import { BucketRefusedError } from '../engine/store/bucket.ts';
import { StoreError } from '../engine/store/store.ts';
import { applyStep } from '../prune/apply-step.ts';
import { hasRetention, readPruneScope } from '../prune/prune-scope.ts';
import { errorCode } from '../runtime/node/error-code.ts';
import { systemClock } from '../runtime/node/clock.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import { stopOnSignals } from '../terminal/interruption.ts';
import type { Session } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';
import { describePlan, describeStep, type StepResult } from '../terminal/prune-text.ts';
import { formatJson, printJson, printResult } from '../terminal/result.ts';
import { styleFor } from '../terminal/style.ts';
import { parseOptions, seeHelp, type Command } from './command.ts';
import { refuseUnwritable, writeOutput } from './output-file.ts';

const DEFAULT_PLAN = 'prune-plan.json';
const MAX_PLAN_AGE_MS = 7 * 24 * 3_600_000;

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  plan: { type: 'string', takes: 'file' },
  check: { type: 'boolean', default: false },
  apply: { type: 'string', takes: 'file' },
  continue: { type: 'boolean', default: false },
  cancel: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

export const prune: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat prune [--plan FILE | --check] [-c FILE] [--json]
       lifeboat prune --apply FILE | --continue | --cancel [-c FILE] [--json]

Deletes what the retention of the configuration no longer keeps. Without a retention, nothing is
ever pruned. It takes four steps, and a day or more lies between them:

  1. "prune" reads the bucket and writes a plan: what would go, and why. Nothing else is written.
  2. "prune --apply FILE" condemns what is in the plan and still unneeded. Nothing is deleted.
  3. After the grace (48h), "prune --continue" looks at all of the bucket again, and deletes the
     tags, lists and manifests that are condemned and still unneeded.
  4. A day later, "prune --continue" does the same to blobs: no edge remembers by then what led
     to them.

Whatever is needed again by then stays. Runs may go on all the time: a sweep gives way to a run,
and the same command goes on later. Tags that the configuration names, held tags, tags that
clusters use, candidates that wait and tags that match "keep" never go.

Options:
      --plan FILE    where the plan goes (default: ${DEFAULT_PLAN})
      --check        write no plan, and end with exit code 3 if there is something to prune
      --apply FILE   condemn what is in this plan; if that is done, the same as --continue
      --continue     do the next step, if its time has come
      --cancel       give up a plan that was applied
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --json         print the plan, or what was done, as JSON
  -h, --help         this help

Exit code:
  0  done, or its time has not come; with --check, nothing to prune
  1  something failed, a store was left out, or runs were at work: what was done stays done
  2  the plan, the configuration, the store or the command line is wrong: nothing was deleted
  3  with --check: there is something to prune

Examples:
  npx lifeboat prune
  npx lifeboat prune --apply ${DEFAULT_PLAN}
  npx lifeboat prune --continue
`,
  async run(args, session) {
    const { values, positionals } = parseOptions('prune', args, OPTIONS);
    const { config, json, apply, check, plan, cancel } = values;
    if (positionals.length > 0) {
      throw new UsageError(`prune takes no image: "${positionals[0] ?? ''}". ${seeHelp('prune')}`);
    }
    const steps = [apply !== undefined, values.continue, cancel].filter(Boolean).length;
    if (steps > 1) throw new UsageError(`give one of --apply, --continue and --cancel. ${seeHelp('prune')}`);
    if (steps === 1 && (plan !== undefined || check)) {
      throw new UsageError(`--plan and --check are for making a plan. ${seeHelp('prune')}`);
    }
    if (plan !== undefined && check) throw new UsageError(`--check writes no plan. ${seeHelp('prune')}`);
    const configuration = await loadConfiguration(config, session.env, {
      needsImages: true,
      cwd: session.cwd,
    });
    const progress = new Progress(session);
    if (steps === 0) {
      const file = check ? undefined : (plan ?? DEFAULT_PLAN);
      return refusals(progress, () => makePlan(configuration, { file, check, json }, { session, progress }));
    }
    const wanted = apply === undefined ? undefined : await planIn(apply, configuration, session.cwd);
    return refusals(progress, () =>
      applyPlan({ config, plan: wanted, cancel, json }, configuration, { session, progress }),
    );
  },
};

interface Terminal {
  readonly session: Session;
  readonly progress: Progress;
}

/** Turns what ends a prune into an exit code: 2 if the bucket or the plan is wrong, 1 if the store failed. */
async function refusals(progress: Progress, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PruneRefusedError || error instanceof BucketRefusedError) {
      progress.fail(error.message);
      return 2;
    }
    if (error instanceof StoreError) {
      progress.fail(error.message);
      return 1;
    }
    if (error instanceof BucketObjectInvalidError) {
      progress.fail(
        `${error.message} What it names is not known, so nothing is pruned. The next "lifeboat sync" mends what it can; a list that nobody mends has to be deleted by hand.`,
      );
      return 1;
    }
    throw error;
  }
}

async function makePlan(
  configuration: Configuration,
  {
    file,
    check,
    json,
  }: { readonly file: string | undefined; readonly check: boolean; readonly json: boolean },
  { session, progress }: Terminal,
): Promise<number> {
  if (!hasRetention(configuration)) {
    throw new PruneRefusedError(
      'the configuration has no retention, so nothing is ever pruned. Add one, as in retention: { history: 10, days: 90 }.',
    );
  }
  if (file !== undefined) await refuseUnwritable('--plan', file, session.cwd);
  using interruption = stopOnSignals(progress, session);
  const { signal } = interruption;
  const made = systemClock.now().toISOString();
  const buckets = await openForPlanning(configuration, { log: progress, variables: session.env });
  const stores = [];
  for (const { store, id } of buckets) {
    stores.push(
      await planStore({
        store,
        bucket: id,
        policyOf: policies(await readPruneScope(store, configuration)),
        clock: systemClock,
        maxDeletePercent: (configuration.retention ?? DEFAULT_RETENTION).maxDeletePercent,
        signal,
      }),
    );
  }
  const plan = newPlan({ id: randomUUID(), configuration: configuration.name, made, stores });
  if (json) printJson(plan, session);
  else printPlan(plan, session);
  const isEmpty = stores.every(({ goes }) => goes.objects === 0);
  if (check) return isEmpty ? 0 : 3;
  if (file !== undefined && !isEmpty) {
    await writeOutput(resolve(session.cwd, file), formatJson(plan, session.commandLine));
    progress.info(`The plan is in ${file}. Look at it, and then: lifeboat prune --apply ${file}`);
  }
  return 0;
}

function printPlan(plan: PrunePlan, session: Session): void {
  const style = styleFor(session.stdout, session.env);
  printResult(plan, (shown) => describePlan(shown, style), session);
}

/** @throws {UsageError} for a plan that cannot be used */
async function planIn(file: string, configuration: Configuration, cwd: string): Promise<ReadPlan> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(resolve(cwd, file));
  } catch (error) {
    throw new UsageError(
      `--apply ${file}: it cannot be read (${errorCode(error)}). "lifeboat prune" writes it.`,
      {
        cause: error,
      },
    );
  }
  const plan = readPlan(bytes);
  const refuse = (reason: string): never => {
    throw new UsageError(`--apply ${file}: ${reason} Make a new one: lifeboat prune`);
  };
  if (typeof plan === 'string') return refuse(plan);
  if (plan.configuration !== configuration.name) {
    return refuse(
      `it is a plan for the configuration "${plan.configuration}", and this one is "${configuration.name}".`,
    );
  }
  const ageMs = systemClock.now().getTime() - Date.parse(plan.made);
  if (ageMs > MAX_PLAN_AGE_MS)
    return refuse(`it was made at ${plan.made}, which is more than seven days ago.`);
  return plan;
}

async function applyPlan(
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
  { session, progress }: Terminal,
): Promise<number> {
  using interruption = stopOnSignals(progress, session);
  const { signal } = interruption;
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
