/** Connects to each store of a configuration by itself, for a command that checks them one by one and expects some to fail. */
import { randomUUID } from 'node:crypto';
import { IDENTITY_KEY } from '../../core/layout.ts';
import type { Configuration, StoreConfiguration } from '../configuration/configuration.ts';
import { ConfigurationError, type Problem } from '../configuration/configuration-error.ts';
import { BucketRefusedError, openBucket, requireIdentity } from '../engine/store/bucket.ts';
import { StoreError, type Store } from '../engine/store/store.ts';
import type { Agents } from '../runtime/node/agents.ts';
import { createS3Connection } from '../runtime/node/s3-connection.ts';
import { isWithoutBucket } from '../storage/s3/s3-error.ts';
import { S3Store } from '../storage/s3/s3-store.ts';
import { boundedStore } from './store-layers.ts';

export interface ConnectedStore {
  readonly settings: StoreConfiguration;
  /** The bucket itself, for reading. */
  readonly bucket: S3Store;
  /** The same bucket with all layers, for writing. */
  readonly store: Store;
}

/** No request is sent. The primary comes first. */
export function connectEach(
  { store, laterStores }: Pick<Configuration, 'store' | 'laterStores'>,
  { agents, signal }: { readonly agents: Agents; readonly signal: AbortSignal },
): readonly ConnectedStore[] {
  return [store, ...laterStores].map((settings) => {
    const bucket = new S3Store(settings, createS3Connection(agents));
    return { settings, bucket, store: boundedStore(bucket, signal, settings.singleWriter) };
  });
}

/**
 * Throws if there is none of the buckets, because then the configuration is wrong. A store that does not answer is another thing.
 * @param file the configuration's
 * @throws {ConfigurationError}
 */
export async function refuseWithoutBuckets(file: string, stores: readonly ConnectedStore[]): Promise<void> {
  const problems: Problem[] = [];
  for (const { settings, bucket } of stores) {
    const error: unknown = await bucket.get(IDENTITY_KEY).catch((reason: unknown) => reason);
    if (!(error instanceof StoreError) || !isWithoutBucket(error.cause)) return;
    problems.push({ line: settings.line, key: settings.key, message: error.message });
  }
  throw new ConfigurationError(file, problems);
}

/**
 * Finds out whether a store may be written: it has to be Lifeboat's already, for this audience, and honour conditions.
 * @returns a sentence that says why it may not; undefined if it may
 */
export async function whyNotWritable(
  { settings, store }: ConnectedStore,
  name: string,
): Promise<string | undefined> {
  try {
    await requireIdentity(store);
    await openBucket(store, { ...settings, name, newId: randomUUID() });
    return undefined;
  } catch (error) {
    if (error instanceof StoreError || error instanceof BucketRefusedError) return error.message;
    throw error;
  }
}
