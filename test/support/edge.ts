/** Runs the edge as it is deployed, in workerd, over any S3 server. Wrangler builds and runs it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unstable_startWorker } from 'wrangler';
import type { Store } from './local-store.ts';
import { freePort } from './process.ts';

// Miniflare asks a host of Cloudflare's for `request.cf`, and prints a stack trace if there is no network.
process.env['CLOUDFLARE_CF_FETCH_ENABLED'] = 'false';
process.env['WRANGLER_WRITE_LOGS'] = 'false';

export interface Edge {
  /** The address `http://127.0.0.1:<port>`, without a slash at its end. */
  readonly url: string;
  /** The host and port, as `127.0.0.1:<port>`. */
  readonly host: string;
  stop(): Promise<void>;
}

const CONFIG = join(import.meta.dirname, '../../wrangler.toml');

/**
 * @param variables the Worker's variables. They take precedence over those that name the store.
 * @param config the wrangler.toml of the edge; this project's by default
 */
export async function startEdge(
  store: Omit<Store, 'buckets' | 'stop'>,
  variables: Readonly<Record<string, string>> = {},
  config = CONFIG,
): Promise<Edge> {
  const state = await mkdtemp(join(tmpdir(), 'lifeboat-edge-'));
  const port = await freePort();
  const all: Record<string, string> = {
    S3_ENDPOINT: store.endpoint,
    S3_BUCKET: store.bucket,
    S3_REGION: store.region,
    S3_ACCESS_KEY_ID: store.accessKeyId,
    S3_SECRET_ACCESS_KEY: store.secretAccessKey,
    ...variables,
  };
  const worker = await unstable_startWorker({
    config,
    bindings: Object.fromEntries(
      Object.entries(all).map(([name, value]) => [name, { type: 'plain_text' as const, value }]),
    ),
    dev: {
      server: { hostname: '127.0.0.1', port },
      inspector: false,
      persist: state,
      watch: false,
      logLevel: 'error',
    },
  });
  await worker.ready;
  return {
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    stop: async () => {
      await worker.dispose();
      await rm(state, { recursive: true, force: true });
    },
  };
}
