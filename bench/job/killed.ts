/** Measures a run that dies in the middle, and the next run, which fetches some bytes again. */
import type { ProxiedRequest } from '../../test/support/counting-proxy.ts';
import { MANY_LAYERS } from './content.ts';
import type { Source } from './source.ts';
import type { TaggedContent } from './tagged-images.ts';
import { LIFEBOAT_TOOL } from './tools.ts';
import { tryOut, type Trial } from './trial.ts';

export interface Killed {
  /** The number of blobs that the store had confirmed before the run died. */
  readonly finished: number;
  /** The number of blobs that the first run had requested. */
  readonly begun: number;
  /** The number of bytes of finished blobs that the second run fetched. */
  readonly again: number;
  readonly rerun: Trial;
}

/** @param after the run is killed when this many blobs are stored */
export async function killAndRerun(source: Source, content: TaggedContent, after: number): Promise<Killed> {
  const destination = await LIFEBOAT_TOOL.startDestination();
  const distance = { latency: 25 };
  const step = { tool: LIFEBOAT_TOOL, source, repository: MANY_LAYERS, destination, distance };
  const finished = new Set<string>();
  try {
    const enough = new Promise<void>((resolve) => {
      destination.link.watch(async (request) => {
        const digest = storedBlob(request);
        if (digest !== undefined) finished.add(digest);
        if (finished.size < after) return undefined;
        resolve();
        // The proxy holds this answer back until the run is dead, so that the run does nothing more.
        return 'drop';
      });
    });
    await tryOut({ ...step, until: enough });
    const begun = blobGets(source).size;
    destination.link.watch(undefined);
    const rerun = await tryOut({ ...step, expected: content.before });
    const again = [...blobGets(source)].filter(([digest]) => finished.has(digest));
    return {
      finished: finished.size,
      begun,
      again: again.reduce((sum, [, received]) => sum + received, 0),
      rerun,
    };
  } finally {
    await destination.stop();
  }
}

/** Returns the hex of a blob that the store has just stored whole. */
function storedBlob({ method, path, status }: ProxiedRequest): string | undefined {
  if (method !== 'PUT' || status !== 200) return undefined;
  return /\/blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1];
}

/** Returns the bytes that came from the source, by the blob's hex. */
function blobGets({ link }: Source): Map<string, number> {
  const gets = new Map<string, number>();
  for (const { method, path, received } of link.proxy.requests) {
    const [, hex] = /\/blobs\/sha256:([0-9a-f]{64})$/.exec(path) ?? [];
    if (method === 'GET' && hex !== undefined) gets.set(hex, (gets.get(hex) ?? 0) + received);
  }
  return gets;
}
