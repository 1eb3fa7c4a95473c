/** A run: its plan, an instance for each upstream, the check of stored objects, then the catalogue and the report. */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from 'cloudflare:workers';
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import type { ClusterLine } from '../../core/overview.ts';
import { parseRepository } from '../../core/reference.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import type { Finding, RunReport } from '../engine/report.ts';
import { endWriting, FencedStore } from '../engine/store/fenced-store.ts';
import { endRun } from '../engine/run/run-end.ts';
import { nameRun } from '../engine/run/run-name.ts';
import { openBucket } from '../engine/store/bucket.ts';
import type { Store } from '../engine/store/store.ts';
import { addUnlisted } from '../in-use/unlisted-images.ts';
import { adoptDemanded } from '../on-demand/demanded-images.ts';
import { workersClock } from '../runtime/workers/clock.ts';
import { consoleLog } from '../runtime/workers/console-log.ts';
import type { JobBindings } from './bindings.ts';
import { boundStore } from './bound-store.ts';
import { beginInstance, instanceId, isRunning } from './instances.ts';
import { CONFIGURATION_FILE, readJobConfiguration } from './job-configuration.ts';
import { RepositorySteps, UPLOADS } from './repository-steps.ts';
import { logReport } from './report-log.ts';
import { NotifySteps } from './notify-steps.ts';
import { failedPart, joinParts, type RunPart } from './run-part.ts';
import { planUpstreams, type UpstreamPlan } from './run-plan.ts';
import { claimRun } from './running-note.ts';
import { messageOf, runStep } from './steps.ts';
import { waitForInstance } from './wait.ts';
import { createWorkersEnvironment } from './workers-environment.ts';

/** The most bytes of a plan. A step may return 1 MiB, and an upstream that is down returns these names beside its failures. */
const MAX_PLAN_BYTES = 500_000;

interface RunPlan {
  /** The run's name in tags, history and reports. */
  readonly run: string;
  /** ISO 8601, UTC. */
  readonly begun: string;
  /** The configuration's name. */
  readonly name: string;
  /** Sentences for the report. */
  readonly warnings: readonly string[];
  /** Findings about in-use lists. */
  readonly findings: readonly Finding[];
  readonly upstreams: readonly UpstreamPlan[];
  /** Whether the configuration has addresses to notify. */
  readonly notifies: boolean;
  /** The clusters whose in-use lists were read. */
  readonly clusters: readonly ClusterLine[];
  /** If another run is still going, so that this one does nothing: that sentence, and whether an earlier run has told it. */
  readonly leftOut?: { readonly sentence: string; readonly isTold: boolean };
}

export class RunWorkflow extends WorkflowEntrypoint<JobBindings> {
  override async run({ instanceId: id }: WorkflowEvent<unknown>, step: WorkflowStep) {
    const plan = await this.#planOrTell(id, step);
    if (plan.leftOut !== undefined) {
      const { sentence, isTold } = plan.leftOut;
      if (!isTold) await new NotifySteps(this.env, step, plan.notifies).refuse(sentence, id);
      return { run: plan.run, leftOut: sentence };
    }
    const notify = new NotifySteps(this.env, step, plan.notifies);
    const begun = notify.begin();
    const parts = await Promise.all(
      plan.upstreams.map((upstream, index) => this.#mirror(upstream, index, plan.run, step)),
    );
    const { check, warnings } = await this.#check(plan, step);
    const part = joinParts([...parts, check]);
    const { ended } = await runStep(step, 'publish', () => this.#publish({ ...plan, warnings }, part));
    await begun;
    await notify.end(reportOf({ ...plan, warnings }, part, ended));
    return { run: plan.run, counts: part.counts };
  }

  /** @throws what the plan throws, after it was told */
  async #planOrTell(id: string, step: WorkflowStep): Promise<RunPlan> {
    try {
      return await runStep(step, 'plan', () => this.#plan(id));
    } catch (error) {
      await new NotifySteps(this.env, step, true).refuse(messageOf(error), id);
      throw error;
    }
  }

  async #plan(id: string): Promise<RunPlan> {
    const store = boundStore(this.env);
    const now = new Date();
    const { configuration, warning, keep } = await readJobConfiguration(store, this.env);
    const { name } = configuration;
    const { audience, singleWriter } = configuration.store;
    await openBucket(store, { name, audience, singleWriter, newId: crypto.randomUUID() });
    // Only now is it shown that it can be used.
    await keep();
    await this.#adopt(store, name, now);
    const unlisted = await addUnlisted(store, configuration, now);
    const warnings = [warning, ...unlisted.warnings].filter((one) => one !== undefined);
    // A warning about a configuration has a line for each problem.
    for (const line of warnings.flatMap((one) => one.split('\n'))) consoleLog.warn(line);
    const plan = {
      run: nameRun(now),
      begun: now.toISOString(),
      name,
      warnings,
      findings: unlisted.findings,
      notifies: configuration.notify.length > 0,
      upstreams: planUpstreams(unlisted.configuration.images),
      clusters: unlisted.clusters,
    };
    if (JSON.stringify(plan).length > MAX_PLAN_BYTES) {
      const message = `the names of its repositories have more than ${MAX_PLAN_BYTES} bytes, the most that a job in a Worker can plan. Let a job on a machine mirror them.`;
      throw new ConfigurationError(CONFIGURATION_FILE, [{ line: undefined, key: 'images', message }]);
    }
    const other = await claimRun(store, name, id, now, (instance) => isRunning(this.env.RUN, instance));
    if (other === undefined) return plan;
    const sentence = `The run ${other.instance} is still going, so this one is left out.`;
    consoleLog.warn(sentence);
    return { ...plan, upstreams: [], leftOut: { sentence, isTold: other.isTold } };
  }

  /** Takes over what was mirrored on demand by instances that ended without a word. */
  async #adopt(store: Store, name: string, now: Date): Promise<void> {
    try {
      await adoptDemanded(store, name, (id) => isRunning(this.env.DEMAND, id), now);
    } catch (error) {
      // The next read says what is wrong with it.
      if (!(error instanceof BucketObjectInvalidError)) throw error;
    }
  }

  /** @param index tells apart two hosts whose names look alike in an id */
  async #mirror(
    { upstream, repositories }: UpstreamPlan,
    index: number,
    run: string,
    step: WorkflowStep,
  ): Promise<RunPart> {
    const id = instanceId(run, String(index), upstream);
    try {
      await runStep(step, `begin ${upstream}`, () =>
        beginInstance(this.env.UPSTREAM, id, { run, upstream, repositories }),
      );
      const ending = await waitForInstance(this.env.UPSTREAM, id, upstream, step);
      if ('failure' in ending) return failedPart(repositories, ending.failure);
      const part: RunPart = JSON.parse(ending.output);
      return part;
    } catch (error) {
      // One upstream must not fail the others.
      return failedPart(repositories, messageOf(error));
    }
  }

  /** A check that fails is a warning, because the report has to be written. */
  async #check(
    { run, name, upstreams, warnings }: RunPlan,
    step: WorkflowStep,
  ): Promise<{ readonly check: RunPart; readonly warnings: readonly string[] }> {
    const repositories = upstreams.flatMap((upstream) => upstream.repositories);
    try {
      const steps = new RepositorySteps(this.env, { run, repositories }, step);
      const { part, deferred } = await runStep(step, 'check stored objects', async () => {
        const work = await steps.open();
        return work.check(name);
      });
      // A large blob that was lost is fetched after the finding that says so.
      const copies = await Promise.all(deferred.map((blob) => steps.copy(blob, `${blob.digest}, lost`)));
      const parts = copies.map((copy) => ('failure' in copy ? UPLOADS : copy.part));
      return { check: joinParts([part, ...parts]), warnings };
    } catch (error) {
      const warning = `Stored objects were not checked: ${messageOf(error)} The next run checks them.`;
      return { check: joinParts([]), warnings: [...warnings, warning] };
    }
  }

  async #publish(plan: RunPlan, part: RunPart): Promise<{ readonly ended: string }> {
    const { run, name, upstreams, clusters } = plan;
    const { signal } = new AbortController();
    const store = new FencedStore(boundStore(this.env), { writer: run, clock: workersClock, signal });
    const environment = createWorkersEnvironment(store, run, consoleLog);
    // Steps of this run may have left uploads, which the end of a run clears.
    if (part.hasUploads) environment.tally.add('blobsInParts');
    const unserved = new Set(part.unserved);
    const served = upstreams
      .flatMap(({ repositories }) => repositories)
      .filter((repository) => !unserved.has(repository))
      .map((repository) => parseRepository(repository));
    const report = reportOf(plan, part, new Date().toISOString());
    const names = new Map(
      upstreams.flatMap(({ upstream, repositories }) => repositories.map((one) => [one, upstream] as const)),
    );
    const pages = {
      repositories: part.lines,
      held: part.held,
      clusters,
      upstreamOf: (repository: string): string | undefined => names.get(repository),
    };
    await endRun(environment, name, report, { served, pages });
    // A note that stays counts for some hours, and holds up a sweep alone.
    await endWriting(store, run).catch((error: unknown) => consoleLog.warn(messageOf(error)));
    logReport(report, consoleLog);
    return { ended: report.ended };
  }
}

/** @param ended ISO 8601, UTC */
function reportOf({ run, begun, warnings, findings }: RunPlan, part: RunPart, ended: string): RunReport {
  return {
    run,
    begun,
    ended,
    counts: part.counts,
    ...part.copied,
    interrupted: false,
    upstreams: part.upstreams,
    items: part.items,
    findings: [...findings, ...part.findings],
    ...(warnings.length > 0 && { warnings }),
    ...(part.unlisted > 0 && { unlisted: part.unlisted }),
  };
}
