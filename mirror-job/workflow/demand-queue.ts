/**
 * The consumer of the edge's misses: it begins an instance for those that `onDemand` allows. Messages may come twice, out of order
 * and by the thousand. They name images that anybody may have made up, so nothing is asked of an upstream here.
 */
import pLimit from 'p-limit';
import { BucketObjectInvalidError } from '../../core/bucket-object.ts';
import { isObject } from '../../core/json.ts';
import { formatReference, NameInvalidError, parseReference } from '../../core/reference.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { nameRun } from '../engine/run/run-name.ts';
import { BucketRefusedError, requireIdentity } from '../engine/store/bucket.ts';
import type { Store } from '../engine/store/store.ts';
import { countOf } from '../engine/support/count-of.ts';
import { claimDemanded, isStored, runningIn, settleDemanded } from '../on-demand/demanded-images.ts';
import { onDemandImages } from '../on-demand/on-demand-images.ts';
import { consoleLog } from '../runtime/workers/console-log.ts';
import { boundStore, type StoreBindings } from './bound-store.ts';
import type { DemandInput } from './inputs.ts';
import { beginInstance, instanceId, isRunning, type InstanceStarter } from './instances.ts';
import { readJobConfiguration } from './job-configuration.ts';
import { messageOf } from './steps.ts';

/** How long a message waits that cannot be worked on now. */
const RETRY = { delaySeconds: 60 } as const;
/** Reads of the bucket at once. A Worker has six connections. */
const READS_AT_ONCE = 6;

/** The part of a batch of the queue that is needed here. */
interface MissBatch {
  readonly messages: readonly {
    readonly body: unknown;
    readonly ack: () => unknown;
    readonly retry: (options: typeof RETRY) => unknown;
  }[];
  readonly ackAll: () => unknown;
  readonly retryAll: (options: typeof RETRY) => unknown;
}

/** The bindings that are needed here. */
type MissBindings = StoreBindings & { readonly DEMAND: InstanceStarter<DemandInput> };

/** Never throws: what cannot be worked on now is tried again later, and what never can is dropped with a sentence in the log. */
export async function takeMisses(batch: MissBatch, bindings: MissBindings): Promise<void> {
  try {
    const waiting = new Set(await beginDemanded(referencesIn(batch), bindings));
    for (const message of batch.messages) {
      const reference = referenceIn(message.body);
      if (reference !== undefined && waiting.has(reference)) message.retry(RETRY);
      else message.ack();
    }
  } catch (error) {
    consoleLog.warn(`Misses of the edge were not looked at: ${messageOf(error)}`);
    // Somebody has to change something first. A client that asks again after that is another message.
    if (isLasting(error)) batch.ackAll();
    else batch.retryAll(RETRY);
  }
}

/** @returns the references that have to come again later */
async function beginDemanded(
  references: readonly string[],
  bindings: MissBindings,
): Promise<readonly string[]> {
  const store = boundStore(bindings);
  const { configuration, warning } = await readJobConfiguration(store, bindings);
  const { name, onDemand } = configuration;
  if (warning !== undefined) consoleLog.warn(warning);
  if (onDemand.length === 0) {
    consoleLog.warn(
      'The edge sends what it lacks, but lifeboat.yaml has no onDemand. Say there which of it may be mirrored.',
    );
    return [];
  }
  const allowed = allowedOf(configuration, references);
  await requireIdentity(store);
  const lacking = await lackingIn(store, allowed);
  if (lacking.length === 0) return [];
  const now = new Date();
  const run = nameRun(now);
  const instance = instanceId('demand', run);
  const running = await runningIn(store, name, (id) => isRunning(bindings.DEMAND, id));
  const { claimed, waiting, refusals } = await claimDemanded(store, name, lacking, {
    instance,
    running,
    now,
  });
  for (const refusal of refusals) consoleLog.warn(refusal);
  consoleLog.info(
    `On demand: of ${countOf(references.length, 'missing image')}, onDemand allows ${allowed.length}, the bucket still lacks ${lacking.length}, and ${claimed.length} are begun now.`,
  );
  if (claimed.length === 0) return waiting;
  try {
    await beginInstance(bindings.DEMAND, instance, { run, name, references: claimed });
  } catch (error) {
    consoleLog.warn(`${countOf(claimed.length, 'image')} could not be begun on demand: ${messageOf(error)}`);
    const nothing = { mirrored: [], failures: {}, forgotten: claimed };
    await settleDemanded(store, name, nothing, instance, now);
    return [...waiting, ...claimed];
  }
  return waiting;
}

function isLasting(error: unknown): boolean {
  return (
    error instanceof ConfigurationError ||
    error instanceof BucketRefusedError ||
    error instanceof BucketObjectInvalidError
  );
}

/** @returns each reference once, in the order of the messages */
function referencesIn({ messages }: MissBatch): readonly string[] {
  const references = messages.map(({ body }) => referenceIn(body));
  return [...new Set(references.filter((reference) => reference !== undefined))];
}

/** @returns undefined for a body that is not the edge's */
function referenceIn(body: unknown): string | undefined {
  const text = isObject(body) ? body['reference'] : undefined;
  if (typeof text !== 'string') return undefined;
  try {
    const { repository, tag, digest } = parseReference(text);
    if (tag === undefined && digest === undefined) return undefined;
    return formatReference({ repository, tag: digest === undefined ? tag : undefined, digest });
  } catch (error) {
    if (error instanceof NameInvalidError) return undefined;
    throw error;
  }
}

function allowedOf(configuration: Configuration, references: readonly string[]): readonly string[] {
  return references.filter((reference) => onDemandImages(configuration, [reference]).length > 0);
}

/** A miss may be over: an edge may have remembered it, or the message may have waited. @throws {StoreError} */
async function lackingIn(store: Store, references: readonly string[]): Promise<readonly string[]> {
  const readsAtOnce = pLimit(READS_AT_ONCE);
  const stored = await Promise.all(
    references.map((reference) => readsAtOnce(() => isStored(store, reference))),
  );
  return references.filter((_, index) => stored[index] !== true);
}
