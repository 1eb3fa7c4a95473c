/** Reads the report of the job's last run: how it ended, and why it did not mirror an image. */
import type { Absence, Failed, LastRun } from '../../cluster/drill/observation.ts';
import { BucketObjectInvalidError, isTime, parseObjectAt } from '../../core/bucket-object.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { stateKey } from '../../core/layout.ts';
import type { Reference } from '../../core/reference.ts';
import { insideSentence } from '../engine/store/store-name.ts';
import { StoreError, type Store } from '../engine/store/store.ts';
import { isAboutPrivacy } from '../engine/tags/visibility-check.ts';

/** An item of the report that failed or was skipped. */
type Failure = Absence & { readonly repository: string; readonly reference: string | undefined };

export class LastRunReport {
  readonly run: LastRun | { readonly notKnown: string };
  /** Whether the report has all items that failed. */
  readonly isWhole: boolean;
  readonly #failures: ReadonlyMap<string, readonly Failure[]>;

  private constructor(run: LastRunReport['run'], report: JsonObject = {}) {
    this.run = run;
    this.isWhole = Array.isArray(report['items']) && report['unlisted'] === undefined;
    this.#failures = Map.groupBy(failuresOf(report), ({ repository }) => repository);
  }

  static async read(store: Pick<Store, 'get'>, mirror: string): Promise<LastRunReport> {
    const key = stateKey(mirror, 'last-run.json');
    try {
      const stored = await store.get(key);
      if (stored === undefined) return new LastRunReport({ notKnown: `the bucket has no ${key}` });
      const report = parseObjectAt(key, stored.bytes);
      return new LastRunReport(runOf(report) ?? { notKnown: `${key} does not say it` }, report);
    } catch (error) {
      const failure = failureOf(error);
      return new LastRunReport({ notKnown: failure.failed });
    }
  }

  /** The items that failed or were skipped, in the order of the report. */
  get failures(): readonly Failure[] {
    return [...this.#failures.values()].flat();
  }

  /** Why the run did not mirror an image; undefined if the report says nothing of it. */
  failureOf({ repository, tag, digest }: Reference): Absence | undefined {
    const own = this.#failures.get(repository) ?? [];
    const found =
      own.find(({ reference }) => reference === (digest ?? tag)) ??
      own.find(({ reference }) => reference === undefined) ??
      // A repository is private or public as a whole.
      own.find(({ reason }) => reason === 'private');
    return found === undefined ? undefined : { reason: found.reason, says: found.says };
  }
}

/** The clause for an object that cannot be read. @throws any other error */
export function failureOf(error: unknown): Failed {
  if (!(error instanceof StoreError) && !(error instanceof BucketObjectInvalidError)) throw error;
  return { failed: insideSentence(withoutStop(error.message)) };
}

/** The report may be of an older job, or damaged, so that each key may be missing. */
function runOf({ ended, counts, findings, interrupted, stores }: JsonObject): LastRun | undefined {
  if (!isTime(ended)) return undefined;
  const failed = isObject(counts) ? counts['failed'] : undefined;
  if (typeof failed !== 'number' || !Array.isArray(findings)) return { ended };
  const isInStep =
    !Array.isArray(stores) || stores.every((store) => !isObject(store) || store['state'] !== 'behind');
  const isInterrupted = interrupted === true;
  return {
    ended,
    isSuccess: failed === 0 && findings.length === 0 && isInStep && !isInterrupted,
    failed,
    findings: findings.length,
    isInterrupted,
  };
}

function failuresOf({ items }: JsonObject): readonly Failure[] {
  return (Array.isArray(items) ? items : []).flatMap((item: unknown): Failure[] => {
    if (!isObject(item) || !isObject(item['outcome']) || typeof item['repository'] !== 'string') return [];
    const { repository, reference, outcome } = item;
    const { result, error, reason } = outcome;
    const named = typeof reference === 'string' ? reference : undefined;
    if (result === 'failed' && typeof error === 'string') {
      const why = isAboutPrivacy(error) ? 'private' : 'failed';
      return [
        {
          repository,
          reference: named,
          reason: why,
          says: `the last run failed to mirror it: ${withoutStop(error)}`,
        },
      ];
    }
    if (result === 'skipped' && typeof reason === 'string') {
      return [
        {
          repository,
          reference: named,
          reason: 'skipped',
          says: `the last run left it out: ${withoutStop(reason)}`,
        },
      ];
    }
    return [];
  });
}

/** Clauses have no full stop. */
function withoutStop(sentence: string): string {
  return sentence.replace(/\.$/, '');
}
