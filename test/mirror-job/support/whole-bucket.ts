/** Checks without the project's own code that everything in a bucket in memory is correct and complete. */
import { createHash } from 'node:crypto';
import { readJson, referencesOf } from '../../support/manifest-json.ts';
import type { MemoryStore } from './memory-store.ts';

/** @returns a line per object whose content does not match its key, or that refers to missing objects */
export function faultsOf(store: MemoryStore): string[] {
  return [...store.objects.keys()].flatMap((key) => faultsAt(store, key));
}

function faultsAt(store: MemoryStore, key: string): string[] {
  const bytes = store.objects.get(key)?.bytes ?? new Uint8Array();
  const [, repository = '', kind = '', name = ''] =
    /^(?:repositories\/(.*)\/)?(blobs|_manifests|_tags)\/(.*)$/.exec(key) ?? [];
  const faults: string[] = [];
  if (kind === '_tags') {
    const { data, digest } = readJson(bytes);
    const hex = hexOf(Buffer.from(typeof data === 'string' ? data : '', 'base64'));
    if (digest !== `sha256:${hex}`) faults.push(`${key}: other bytes`);
    if (!store.objects.has(`repositories/${repository}/_manifests/sha256/${hex}`)) {
      faults.push(`${key}: lacks its manifest`);
    }
  } else if (kind !== '') {
    if (name !== `sha256/${hexOf(bytes)}`) faults.push(`${key}: other bytes`);
    const missing = kind === '_manifests' ? lacking(store, repository, bytes) : [];
    faults.push(...missing.map((one) => `${key}: lacks ${one}`));
  }
  return faults;
}

function lacking(store: MemoryStore, repository: string, bytes: Uint8Array): string[] {
  const { manifests, blobs } = referencesOf(readJson(bytes));
  return [
    ...manifests.map(({ digest }) => `repositories/${repository}/_manifests/${digest.replace(':', '/')}`),
    ...blobs.flatMap(({ digest }) => [
      `blobs/${digest.replace(':', '/')}`,
      `repositories/${repository}/_blobs/${digest.replace(':', '/')}`,
    ]),
  ].filter((key) => !store.objects.has(key));
}

function hexOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
