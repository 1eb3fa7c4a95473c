/** Whole runs of the job as a Worker, whoever runs the Worker. */
import { setTimeout } from 'node:timers/promises';

/** When the first run of a Worker is due. Each further one is due an hour later. */
const FIRST_DUE = Date.UTC(2026, 10, 29, 0, 17);
const HOUR_MS = 3_600_000;

/** The status of an instance of a workflow. */
export interface InstanceState {
  readonly status: string;
  /** Undefined until it is complete. */
  readonly output?: { readonly run: string };
  readonly error?: { readonly message: string };
}

export abstract class JobRuns {
  #runs = 0;

  /** Fires the cron trigger. */
  abstract fire(at: Date): Promise<void>;
  /** @returns undefined if there is no such object */
  abstract read(key: string): Promise<unknown>;
  protected abstract stateOf(instance: string): Promise<InstanceState>;

  /** @returns when the next run is due */
  nextDue(): Date {
    this.#runs += 1;
    return new Date(FIRST_DUE + this.#runs * HOUR_MS);
  }

  /** @returns the output of the run that was due at a time. @throws if it fails */
  async outputOf(at: Date): Promise<{ readonly run: string }> {
    const id = runIdOf(at);
    for (;;) {
      const { status, output, error } = await this.stateOf(id);
      if (status === 'complete' && output !== undefined) return output;
      if (status === 'errored' || status === 'terminated')
        throw new Error(`${id}: ${error?.message ?? status}`);
      await setTimeout(200);
    }
  }

  /** Makes one run, whose cron trigger fires. @returns its report. @throws if the run fails */
  async run(due = this.nextDue()): Promise<unknown> {
    await this.fire(due);
    await this.outputOf(due);
    return this.read('state/default/last-run.json');
  }

  /** Makes one run that fails. @returns the error of its instance. @throws if it succeeds */
  async failingRun(): Promise<string> {
    const due = this.nextDue();
    await this.fire(due);
    try {
      await this.outputOf(due);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    throw new Error(`The run that was due at ${due.toISOString()} did not fail.`);
  }
}

/** @returns the id of the run that is due at a time */
export function runIdOf(at: Date): string {
  return `run-${at.toISOString().replaceAll(/[^A-Za-z0-9_]/g, '-')}`;
}
