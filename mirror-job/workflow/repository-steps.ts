/** The steps of one repository: attempts, until nothing is left to do, and an instance of its own for each large blob. */
import type { WorkflowStep } from 'cloudflare:workers';
import pLimit from 'p-limit';
import type { JobBindings } from './bindings.ts';
import type { LargeBlob, WorkScope } from './inputs.ts';
import { beginInstance, instanceId } from './instances.ts';
import { IsolateWork } from './isolate-work.ts';
import { joinAttempts, joinParts, type RunPart } from './run-part.ts';
import type { BlobResult } from './step-result.ts';
import { messageOf, runStep } from './steps.ts';
import { waitForInstance } from './wait.ts';

/** The most steps for one repository. A step takes minutes, so these are hours. */
const MAX_ATTEMPTS = 100;
/** The most large blobs of one instance that are copied at once. */
const LARGE_BLOBS_AT_ONCE = 2;

/** The part for a copy that failed. It may have left uploads, which the end of the run clears. */
export const UPLOADS: RunPart = { ...joinParts([]), hasUploads: true };

export class RepositorySteps {
  readonly #bindings: JobBindings;
  readonly #scope: WorkScope;
  readonly #step: WorkflowStep;
  readonly #largeBlobsAtOnce = pLimit(LARGE_BLOBS_AT_ONCE);
  #opened: Promise<IsolateWork> | undefined;

  constructor(bindings: JobBindings, scope: WorkScope, step: WorkflowStep) {
    this.#bindings = bindings;
    this.#scope = scope;
    this.#step = step;
  }

  /** Opens the images once for all steps that run in this isolate. To be called in a step. @throws as `IsolateWork.open` */
  open(): Promise<IsolateWork> {
    this.#opened ??= IsolateWork.open(this.#bindings, this.#scope).catch((error: unknown) => {
      // The next attempt opens it again.
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  /**
   * @param only the references that are mirrored; left out for all of the repository
   * @throws the failure of a step that has been tried several times
   */
  async mirror(repository: string, only?: readonly string[]): Promise<RunPart> {
    let part: RunPart | undefined;
    /** By digest: why the instance of a blob has failed. */
    const failures = new Map<string, string>();
    const what = only?.[0] ?? repository;
    for (let attempt = 1; ; attempt += 1) {
      const known = Object.fromEntries(failures);
      const name = attempt === 1 ? `mirror ${what}` : `mirror, attempt ${attempt}: ${what}`;
      const result = await runStep(this.#step, name, async () => {
        const work = await this.open();
        return work.mirror(repository, known, only);
      });
      part = part === undefined ? result.part : joinAttempts(part, result.part);
      if ((result.deferred.length === 0 && !result.isUnfinished) || attempt === MAX_ATTEMPTS) return part;
      const copied = await Promise.all(
        result.deferred.map(async (blob) => {
          const ending = await this.copy(blob, `${attempt} ${blob.digest} ${what}`);
          return { digest: blob.digest, ending };
        }),
      );
      for (const { digest, ending } of copied) {
        if ('failure' in ending) failures.set(digest, ending.failure);
        part = joinParts([part, 'failure' in ending ? UPLOADS : ending.part]);
      }
    }
  }

  /**
   * Waits until the instance of a blob has ended, whoever has begun it.
   * @param what tells its steps from those for other repositories
   * @returns what it has copied, if this call has begun it
   */
  copy(blob: LargeBlob, what: string): Promise<BlobResult> {
    return this.#largeBlobsAtOnce(() => this.#copyOne(blob, what));
  }

  async #copyOne(blob: LargeBlob, what: string): Promise<BlobResult> {
    const { BLOB } = this.#bindings;
    const { repositories: _, ...scope } = this.#scope;
    const id = instanceId('blob', scope.run, blob.digest);
    try {
      const isOwn = await runStep(this.#step, `begin the copy ${what}`, () =>
        beginInstance(BLOB, id, { ...scope, blob }),
      );
      const ending = await waitForInstance(BLOB, id, `the copy ${what}`, this.#step);
      if ('failure' in ending) return ending;
      const result: BlobResult = JSON.parse(ending.output);
      // The one that has begun it counts what it has copied.
      return 'failure' in result || isOwn ? result : { part: joinParts([]) };
    } catch (error) {
      return { failure: `The copy of ${blob.digest} failed: ${messageOf(error)}` };
    }
  }
}
