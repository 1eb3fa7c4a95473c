/** Starts buckets with a real S3 API, once for all tests that run in workerd. */
import type { TestProject } from 'vitest/node';
import { startLocalStore, type Store } from './local-store.ts';

declare module 'vitest' {
  interface ProvidedContext {
    s3: Omit<Store, 'stop' | 'bucket'>;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const store = await startLocalStore({ buckets: 2 });
  const { endpoint, buckets, region, accessKeyId, secretAccessKey } = store;
  project.provide('s3', { endpoint, buckets, region, accessKeyId, secretAccessKey });
  return () => store.stop();
}
