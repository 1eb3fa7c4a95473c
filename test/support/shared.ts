/**
 * Gives test files the things that all files of one run share. shared-setup.ts makes them, in Vitest's main process.
 */
import { inject } from 'vitest';
import type { Buckets } from './local-store.ts';

export type { Buckets } from './local-store.ts';

/**
 * Returns the path of the bundled job, for `node`. A process that starts from the bundle costs 0.2 s of CPU, and one
 * that starts from `mirror-job/main.ts` costs a second.
 */
export async function bundledJob(): Promise<string> {
  return request('/bundle');
}

/** Returns empty buckets in one local R2, which no other caller gets. */
export async function emptyBuckets(count = 1): Promise<Buckets> {
  return request(`/buckets/${count}`);
}

async function request<T>(path: string): Promise<T> {
  const response = await fetch(inject('shared') + path);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  const result: T = JSON.parse(text);
  return result;
}
