/** Whether all that a bucket in memory serves is right and whole, looked at without the project's own code. */
import { createHash } from 'node:crypto';
import { isObject, readJson, referencesOf } from '../support/manifest-json.ts';
import type { MemoryStore } from './memory-store.ts';

/** @returns a line for each object that is not what its name says, or lacks something that it needs */
export function faultsOf(store: MemoryStore): string[] {
  return [...store.objects].flatMap(([key, { bytes }]) => {
    const [, repository = '', kind = '', digest = ''] =
      /^(?:repositories\/(.*)\/)?(blobs|_manifests|_tags)\/(.*)$/.exec(key) ?? [];
    if (kind === 'blobs') return hexOf(bytes) === digest.slice(7) ? [] : [`${key}: other bytes`];
    if (kind === '_manifests') {
      return [
        ...(hexOf(bytes) === digest.slice(7) ? [] : [`${key}: other bytes`]),
        ...lacking(store, repository, bytes).map((name) => `${key}: lacks ${name}`),
      ];
    }
    if (kind !== '_tags') return [];
    const descriptor = readJson(bytes);
    const data = isObject(descriptor) ? descriptor['data'] : undefined;
    const named = isObject(descriptor) ? descriptor['digest'] : undefined;
    const manifest = Buffer.from(typeof data === 'string' ? data : '', 'base64');
    return [
      ...(`sha256:${hexOf(manifest)}` === named ? [] : [`${key}: other bytes`]),
      ...(store.objects.has(`repositories/${repository}/_manifests/sha256/${hexOf(manifest)}`)
        ? []
        : [`${key}: lacks its manifest`]),
    ];
  });
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
