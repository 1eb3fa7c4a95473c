/** The steps of a run that tell the addresses of `notify` how it goes. They never fail the run. */
import type { WorkflowStep } from 'cloudflare:workers';
import type { Configuration } from '../configuration/configuration.ts';
import type { RunReport } from '../engine/report.ts';
import { RunNotifier } from '../notify/run-notifier.ts';
import { workersClock } from '../runtime/workers/clock.ts';
import { consoleLog } from '../runtime/workers/console-log.ts';
import { fetchClient } from '../runtime/workers/http-client.ts';
import type { JobBindings } from './bindings.ts';
import { boundStore } from './bound-store.ts';
import { readJobConfiguration, readNotified } from './job-configuration.ts';
import { messageOf, runStep } from './steps.ts';

export class NotifySteps {
  readonly #bindings: JobBindings;
  readonly #step: WorkflowStep;
  readonly #isWanted: boolean;

  /** @param isWanted whether the configuration has any address. If not, there are no steps. True if that is not known */
  constructor(bindings: JobBindings, step: WorkflowStep, isWanted: boolean) {
    this.#bindings = bindings;
    this.#step = step;
    this.#isWanted = isWanted;
  }

  async begin(): Promise<void> {
    await this.#run('ping that it begins', (notifier) => notifier.begin());
  }

  /** A step that is repeated sends messages with the same ids, or finds in the bucket that they were told. */
  async end(report: RunReport): Promise<void> {
    const { signal } = new AbortController();
    await this.#run('notify', (notifier) => notifier.end(report, boundStore(this.#bindings), { signal }));
  }

  /**
   * Says that a run could not begin. The configuration may be why.
   * @param about tells apart two such runs; the same for each attempt at the step
   */
  async refuse(sentence: string, about: string): Promise<void> {
    const { signal } = new AbortController();
    const read = (): Promise<Configuration | undefined> =>
      readNotified(() => boundStore(this.#bindings), this.#bindings);
    await this.#run(
      'tell that the run could not begin',
      (notifier) => notifier.refuse(sentence, about, { signal }),
      read,
    );
  }

  async #read(): Promise<Configuration> {
    return (await readJobConfiguration(boundStore(this.#bindings), this.#bindings)).configuration;
  }

  async #run(
    name: string,
    work: (notifier: RunNotifier) => Promise<void>,
    read: () => Promise<Configuration | undefined> = () => this.#read(),
  ): Promise<void> {
    if (!this.#isWanted) return;
    try {
      await runStep(this.#step, name, async () => {
        const configuration = await read();
        if (configuration === undefined) return;
        const notifier = new RunNotifier(configuration, {
          connect: async () => fetchClient,
          clock: workersClock,
          log: consoleLog,
        });
        await work(notifier);
      });
    } catch (error) {
      consoleLog.warn(`The step "${name}" is given up: ${messageOf(error)}`);
    }
  }
}
