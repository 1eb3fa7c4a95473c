/** A run: its plan, an instance for each upstream, then the catalogue and the report. */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from 'cloudflare:workers';
import { compactTime, stateKey } from '../../core/layout.ts';
import { encodeJson, isObject, parseJson } from '../../core/json.ts';
import { parseRepository } from '../../core/reference.ts';
import { openBucket } from '../engine/store/bucket.ts';
import { endRun } from '../engine/run/run-end.ts';
import { countOutcomes, type RunReport } from '../engine/report.ts';
import type { Store } from '../engine/store/store.ts';
import { consoleLog } from '../runtime/workers/console-log.ts';
import type { JobBindings } from './bindings.ts';
import type { RunInput } from './inputs.ts';
import { beginInstance, instanceId, isRunning } from './instances.ts';
import { IsolateWork } from './isolate-work.ts';
import { readJobConfiguration } from './job-configuration.ts';
import { joinParts, type RunPart } from './run-part.ts';
import { planUpstreams, type UpstreamPlan } from './run-plan.ts';
import { runStep } from './steps.ts';
import { waitForInstance } from './wait.ts';
import { boundStore } from './bound-store.ts';
import { createWorkersEnvironment } from './workers-environment.ts';

interface RunPlan {
  /** Names the run in tags, history and reports. */
  readonly run: string;
  /** ISO 8601, UTC. */
  readonly begun: string;
  /** The configuration's name. */
  readonly name: string;
  /** Sentences for the report. */
  readonly warnings: readonly string[];
  readonly upstreams: readonly UpstreamPlan[];
  /** Why this run does nothing, because another one is still going. */
  readonly leftOut?: string;
}

export class RunWorkflow extends WorkflowEntrypoint<JobBindings, RunInput> {
  override async run({ instanceId: id }: WorkflowEvent<RunInput>, step: WorkflowStep) {
    const plan = await runStep(step, 'plan', () => this.#plan(id));
    if (plan.leftOut !== undefined) return { run: plan.run, leftOut: plan.leftOut };
    const parts = await Promise.all(plan.upstreams.map((upstream) => this.#mirror(upstream, plan.run, step)));
    const { check, warnings } = await this.#check(plan, step);
    const part = joinParts([...parts, check]);
    await runStep(step, 'publish', () => this.#publish({ ...plan, warnings }, part));
    return { run: plan.run, counts: part.counts };
  }

  async #plan(id: string): Promise<RunPlan> {
    const store = boundStore(this.env);
    const now = new Date();
    const run = `${compactTime(now)}-${randomHex(3)}`;
    const { configuration, warning } = await readJobConfiguration(store, this.env);
    const { name, images } = configuration;
    if (warning !== undefined) consoleLog.warn(warning);
    const plan = { run, begun: now.toISOString(), name, warnings: warning === undefined ? [] : [warning] };
    const { audience, singleWriter } = configuration.store;
    await openBucket(store, { name, audience, singleWriter, newId: crypto.randomUUID() });
    const other = await this.#claim(store, name, id);
    if (other !== undefined) {
      const leftOut = `The run ${other} is still going, so this one is left out.`;
      consoleLog.warn(leftOut);
      return { ...plan, upstreams: [], leftOut };
    }
    return { ...plan, upstreams: planUpstreams(images) };
  }

  /**
   * Two runs at once do no harm, but they ask upstreams for everything twice.
   * @returns the instance of another run that is still going
   */
  async #claim(store: Store, name: string, id: string): Promise<string | undefined> {
    const key = stateKey(name, 'running.json');
    const stored = await store.get(key);
    const other = stored === undefined ? undefined : instanceIn(stored.bytes);
    if (other !== undefined && other !== id && (await isRunning(this.env.RUN, other))) return other;
    const condition =
      stored === undefined ? ({ ifNoneMatch: '*' } as const) : ({ ifMatch: stored.etag } as const);
    const options = { contentType: 'application/json', condition };
    const written = await store.put(key, encodeJson({ instance: id }), options);
    if (written === 'written') return undefined;
    // Another run has claimed it between the two calls.
    const winner = await store.get(key);
    return winner === undefined ? undefined : instanceIn(winner.bytes);
  }

  async #mirror({ upstream, repositories }: UpstreamPlan, run: string, step: WorkflowStep): Promise<RunPart> {
    const id = instanceId(run, upstream);
    await runStep(step, `begin ${upstream}`, async () => {
      await beginInstance(this.env.UPSTREAM, id, { run, upstream, repositories });
    });
    const ending = await waitForInstance(this.env.UPSTREAM, id, upstream, step);
    if ('failure' in ending) return failedPart(repositories, ending.failure);
    const part: RunPart = JSON.parse(ending.output);
    return part;
  }

  /** A check that fails is a warning, because the report has to be written. */
  async #check(
    { run, name, upstreams, warnings }: RunPlan,
    step: WorkflowStep,
  ): Promise<{ readonly check: RunPart; readonly warnings: readonly string[] }> {
    const empty = joinParts([]);
    const repositories = upstreams.flatMap((upstream) => upstream.repositories);
    try {
      const checked = await runStep(step, 'check stored objects', async () => {
        const work = await IsolateWork.open(this.env, run, repositories);
        return work.check(name);
      });
      return { check: { ...empty, ...checked }, warnings };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return {
        check: empty,
        warnings: [...warnings, `Stored objects were not checked: ${message} The next run checks them.`],
      };
    }
  }

  async #publish({ run, begun, name, warnings }: RunPlan, part: RunPart): Promise<void> {
    const environment = createWorkersEnvironment(boundStore(this.env), run, consoleLog);
    const { counts, copied, items, findings, unlisted, served, upstreams } = part;
    const report: RunReport = {
      run,
      begun,
      ended: new Date().toISOString(),
      counts,
      ...copied,
      interrupted: false,
      upstreams,
      items,
      findings,
      ...(warnings.length > 0 && { warnings }),
      ...(unlisted > 0 && { unlisted }),
    };
    await endRun(
      environment,
      name,
      report,
      served.map((repository) => parseRepository(repository)),
    );
  }
}

/** The part of an upstream whose instance has failed. */
function failedPart(repositories: readonly string[], error: string): RunPart {
  const items = repositories.map((repository) => ({
    repository: parseRepository(repository),
    reference: undefined,
    outcome: { result: 'failed', error } as const,
  }));
  return joinParts([{ ...joinParts([]), counts: countOutcomes(items), items }]);
}

function instanceIn(bytes: Uint8Array): string | undefined {
  const value = parseJson(bytes);
  return isObject(value) && typeof value['instance'] === 'string' ? value['instance'] : undefined;
}

function randomHex(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return [...random].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
