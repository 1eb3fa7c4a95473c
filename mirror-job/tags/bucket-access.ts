/** The bucket that a configuration names, for commands that work on what is in it already. */
import { randomUUID } from 'node:crypto';
import type { Configuration } from '../configuration/configuration.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { BucketRefusedError, openBucket, requireIdentity } from '../engine/bucket.ts';
import { StoreError, type Store } from '../engine/store.ts';
import { UnguardedStore } from '../engine/unguarded-store.ts';
import { awsConnection, readProxies } from '../node/proxies.ts';
import { S3Store } from '../s3/s3-store.ts';

/**
 * Nothing is written.
 * @throws {ConfigurationError} for a store that cannot be reached, or holds no bucket of Lifeboat's yet
 */
export async function openForReading(file: string, configuration: Configuration): Promise<Store> {
  const { store: settings } = configuration;
  const bucket = new S3Store(settings, awsConnection(readProxies(process.env)));
  // Some providers refuse a condition rather than ignore it.
  const store = settings.singleWriter ? new UnguardedStore(bucket) : bucket;
  await refused(file, configuration, () => requireIdentity(store));
  return store;
}

/**
 * Nothing is written but the probe of conditional writes.
 * @throws {ConfigurationError} as for reading, for another audience's bucket, and for one that honours no conditions
 */
export async function openForWriting(file: string, configuration: Configuration): Promise<Store> {
  const { name, store: settings } = configuration;
  // First, or an empty bucket would become Lifeboat's by having nothing in it to approve.
  const store = await openForReading(file, configuration);
  await refused(file, configuration, () => openBucket(store, { ...settings, name, newId: randomUUID() }));
  return store;
}

async function refused(
  file: string,
  { store: { line } }: Configuration,
  open: () => Promise<unknown>,
): Promise<void> {
  try {
    await open();
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof BucketRefusedError)) throw error;
    throw new ConfigurationError(file, [{ line, key: 'store', message: error.message }]);
  }
}
