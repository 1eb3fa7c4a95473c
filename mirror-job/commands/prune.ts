/** `lifeboat prune` deletes what the retention of the configuration no longer keeps: it makes a plan, and applies it in steps. */
import { loadConfiguration } from '../configuration/load.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { PruneRefusedError } from '../engine/maintenance/condemn.ts';
import { BucketRefusedError } from '../engine/store/bucket.ts';
import { StoreError } from '../engine/store/store.ts';
import { DEFAULT_CONFIGURATION } from '../terminal/command-line.ts';
import { stopOnSignals } from '../terminal/interruption.ts';
import { Progress } from '../terminal/progress.ts';
import { parseOptions, seeHelp, type Command } from './command.ts';
import { makePlan } from './prune/prune-planning.ts';
import { applyPlan, planIn } from './prune/prune-steps.ts';

const DEFAULT_PLAN = 'prune-plan.json';

const OPTIONS = {
  config: { type: 'string', short: 'c', default: DEFAULT_CONFIGURATION, takes: 'file' },
  plan: { type: 'string', takes: 'file' },
  check: { type: 'boolean', default: false },
  apply: { type: 'string', takes: 'file' },
  continue: { type: 'boolean', default: false },
  cancel: { type: 'boolean', default: false },
  unlisted: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

export const prune: Command = {
  options: OPTIONS,
  help: `Usage: lifeboat prune [--plan FILE | --check] [-c FILE] [--json]
       lifeboat prune --apply FILE [--unlisted] [-c FILE] [--json]
       lifeboat prune --continue | --cancel [-c FILE] [--json]

Deletes what the retention of the configuration no longer keeps. Without a retention, nothing is
ever pruned. It takes four steps, and a day or more lies between them:

  1. "prune" reads the bucket and writes a plan: what would go, and why. Nothing else is written.
  2. "prune --apply FILE" condemns what is in the plan and still unneeded. Nothing is deleted.
  3. After the grace (48h), "prune --continue" looks at all of the bucket again, and deletes the
     tags, lists and manifests that are condemned and still unneeded.
  4. A day later, "prune --continue" does the same to blobs: no edge remembers by then what led
     to them.

An object that is needed again by then stays. Runs may go on all the time: a sweep gives way to a
run, and the same command goes on later. Tags that the configuration names, held tags, tags that
clusters use, candidates that wait and tags that match "keep" never go.

Options:
      --plan FILE    where the plan goes (default: ${DEFAULT_PLAN})
      --check        write no plan, and end with exit code 3 if there is something to prune
      --apply FILE   condemn what is in this plan; if that is done, the same as --continue
      --continue     do the next step, if its time has come
      --cancel       give up a plan that was applied
      --unlisted     with --apply: also what the plan takes of repositories that the configuration
                     does not list any more. Another file with the same name may list them
  -c, --config FILE  the configuration (default: lifeboat.yaml)
      --json         print the plan, or what was done, as JSON
  -h, --help         this help

Exit code:
  0  done, or its time has not come; with --check, nothing to prune
  1  something failed, a store was left out, or a run or another sweep was at work: what was done
     stays done
  2  the plan, the configuration, the store or the command line is wrong: nothing was deleted; or
     the plan that was made would delete more than maxDeletePercent
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
    if (values.unlisted && apply === undefined) {
      throw new UsageError(`--unlisted is for --apply. ${seeHelp('prune')}`);
    }
    const configuration = await loadConfiguration(config, session.env, {
      needsImages: true,
      cwd: session.cwd,
    });
    const progress = new Progress(session);
    const wanted =
      apply === undefined
        ? undefined
        : await planIn(apply, configuration, { cwd: session.cwd, mayTakeUnlisted: values.unlisted });
    using interruption = stopOnSignals(progress, session);
    const { signal } = interruption;
    const terminal = { session, progress, signal };
    // Awaited here, because the interruption ends with this function.
    return await refusals(terminal, () => {
      if (steps > 0) return applyPlan({ config, plan: wanted, cancel, json }, configuration, terminal);
      const file = check ? undefined : (plan ?? DEFAULT_PLAN);
      return makePlan(configuration, { config, file, check, json }, terminal);
    });
  },
};

/** Turns what ends a prune into an exit code: 2 if the bucket or the plan is wrong, 1 if it could not be done now. */
async function refusals(
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) {
      progress.fail(
        'stopped before the end. What was done stays done; the same command goes on with the rest.',
      );
      return 1;
    }
    if (error instanceof PruneRefusedError || error instanceof BucketRefusedError) {
      progress.fail(error.message);
      return 2;
    }
    if (error instanceof StoreError) {
      progress.fail(error.message);
      return 1;
    }
    throw error;
  }
}
