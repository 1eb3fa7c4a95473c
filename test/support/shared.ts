/** What the test files of one run share: shared-setup.ts makes it, in Vitest's main process. */
import { inject } from 'vitest';
import type { Buckets } from './local-store.ts';

export type { Buckets } from './local-store.ts';

/**
 * The path of the bundled job, for `node`: a process that starts from it costs 0.2 s of CPU, and one that starts from
 * `mirror-job/main.ts` a second.
 */
export async function bundledJob(): Promise<string> {
  return request('/bundle');
}

/** Empty buckets in one local R2, which no other caller gets. */
export async function emptyBuckets(count = 1): Promise<Buckets> {
  return request(`/buckets/${count}`);
}

async function request<T>(path: string): Promise<T> {
  const response = await fetch(inject('shared') + path);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  const made: T = JSON.parse(text);
  return made;
}
