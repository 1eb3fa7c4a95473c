/** The part of a run that mirrors from one upstream: a step per repository, and an instance of its own for each large blob. */
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from 'cloudflare:workers';
import pLimit from 'p-limit';
import type { JobBindings } from './bindings.ts';
import type { LargeBlob, UpstreamInput } from './inputs.ts';
import { beginInstance, instanceId } from './instances.ts';
import { IsolateWork } from './isolate-work.ts';
import { failedPart, joinAttempts, joinParts, type RunPart } from './run-part.ts';
import type { BlobResult } from './step-result.ts';
import { messageOf, runStep } from './steps.ts';
import { waitForInstance } from './wait.ts';
import { REPOSITORIES_AT_ONCE } from './workers-environment.ts';

/** The most steps for one repository. A step takes minutes, so these are hours. */
const MAX_ATTEMPTS = 100;
/** The most large blobs of one upstream that are copied at once. */
const LARGE_BLOBS_AT_ONCE = 2;

export class UpstreamWorkflow extends WorkflowEntrypoint<JobBindings, UpstreamInput> {
  override async run({ payload }: WorkflowEvent<UpstreamInput>, step: WorkflowStep): Promise<RunPart> {
    const { run, repositories } = payload;
    let opened: Promise<IsolateWork> | undefined;
    const open = (): Promise<IsolateWork> => {
      opened ??= IsolateWork.open(this.env, run, repositories).catch((error: unknown) => {
        // The next attempt opens it again.
        opened = undefined;
        throw error;
      });
      return opened;
    };
    const repositoriesAtOnce = pLimit(REPOSITORIES_AT_ONCE);
    const largeBlobsAtOnce = pLimit(LARGE_BLOBS_AT_ONCE);
    const copy = (blob: LargeBlob, what: string) => largeBlobsAtOnce(() => this.#copy(blob, run, what, step));
    const parts = await Promise.all(
      repositories.map((repository) =>
        repositoriesAtOnce(async () => {
          try {
            return await this.#mirror(repository, { step, open, copy });
          } catch (error) {
            // One repository must not fail the others. Its step has been tried several times.
            return failedPart([repository], messageOf(error));
          }
        }),
      ),
    );
    return joinParts(parts);
  }

  async #mirror(repository: string, { step, open, copy }: Tools): Promise<RunPart> {
    let part: RunPart | undefined;
    /** By digest: why the instance of a blob has failed. */
    const failures = new Map<string, string>();
    for (let attempt = 1; ; attempt += 1) {
      const known = Object.fromEntries(failures);
      const name = attempt === 1 ? `mirror ${repository}` : `mirror, attempt ${attempt}: ${repository}`;
      const result = await runStep(step, name, async () => (await open()).mirror(repository, known));
      part = part === undefined ? result.part : joinAttempts(part, result.part);
      if ((result.deferred.length === 0 && !result.isUnfinished) || attempt === MAX_ATTEMPTS) return part;
      const copied = await Promise.all(
        result.deferred.map(async (blob) => {
          const what = `${attempt} ${blob.digest} ${repository}`;
          return { digest: blob.digest, result: await copy(blob, what) };
        }),
      );
      for (const { digest, result: ending } of copied) {
        if ('failure' in ending) failures.set(digest, ending.failure);
        else part = joinParts([part, ending.part]);
      }
    }
  }

  /**
   * Waits until the instance of a blob has ended, whoever has begun it.
   * @param what tells its steps from those for other repositories
   * @returns what it has copied, if this call has begun it
   */
  async #copy(blob: LargeBlob, run: string, what: string, step: WorkflowStep): Promise<BlobResult> {
    const id = instanceId('blob', run, blob.digest);
    try {
      const isOwn = await runStep(step, `begin the copy ${what}`, () =>
        beginInstance(this.env.BLOB, id, { run, blob }),
      );
      const ending = await waitForInstance(this.env.BLOB, id, `the copy ${what}`, step);
      if ('failure' in ending) return ending;
      const result: BlobResult = JSON.parse(ending.output);
      // The one that has begun it counts what it has copied.
      return 'failure' in result || isOwn ? result : { part: joinParts([]) };
    } catch (error) {
      return { failure: `The copy of ${blob.digest} failed: ${messageOf(error)}` };
    }
  }
}

/** What the steps of an instance share. */
interface Tools {
  readonly step: WorkflowStep;
  readonly open: () => Promise<IsolateWork>;
  /** @param what tells the steps of this copy from those of others */
  readonly copy: (blob: LargeBlob, what: string) => Promise<BlobResult>;
}
