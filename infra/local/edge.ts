/**
 * The edge on this machine: the Worker in workerd, and wrangler's local R2 behind its S3 API as the bucket, on
 * one port. What runs is what is deployed; only the store is local.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { unstable_readConfig, unstable_startWorker } from 'wrangler';

// Miniflare asks a host of Cloudflare's for `request.cf`, and prints a stack trace where there is no network.
process.env['CLOUDFLARE_CF_FETCH_ENABLED'] = 'false';
process.env['WRANGLER_WRITE_LOGS'] = 'false';
process.env['WRANGLER_SEND_METRICS'] = 'false';

export interface LocalStore {
  readonly endpoint: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface LocalEdge {
  /** Without a slash at its end. */
  readonly url: string;
  readonly store: LocalStore;
  stop(): Promise<void>;
}

/** Something else listens on the port; the message says how to choose another. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

/**
 * @param options.configPath the wrangler.toml, which names the bucket and its local keys
 * @param options.state the folder that keeps the bucket between two starts
 * @throws {PortTakenError}
 */
export async function startEdge(options: {
  readonly configPath: string;
  readonly port: number;
  readonly state: string;
}): Promise<LocalEdge> {
  const { configPath, port, state } = options;
  await refuseTakenPort(port);
  const url = `http://localhost:${port}`;
  const store = { endpoint: `${url}/cdn-cgi/local/r2/s3`, ...localBucket(configPath) };
  const worker = await unstable_startWorker({
    config: configPath,
    bindings: {
      S3_ENDPOINT: { type: 'plain_text', value: store.endpoint },
      S3_BUCKET: { type: 'plain_text', value: store.bucket },
      S3_ACCESS_KEY_ID: { type: 'plain_text', value: store.accessKeyId },
      S3_SECRET_ACCESS_KEY: { type: 'plain_text', value: store.secretAccessKey },
    },
    dev: {
      server: { hostname: '127.0.0.1', port },
      inspector: false,
      persist: state,
      watch: false,
      logLevel: 'none',
    },
  });
  await worker.ready;
  // Miniflare's own listeners end the process at once, in the middle of whatever its user has to say.
  process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM');
  return { url, store, stop: () => worker.dispose() };
}

function localBucket(configPath: string): Omit<LocalStore, 'endpoint'> {
  const [bucket] = unstable_readConfig({ config: configPath }, { hideWarnings: true }).r2_buckets;
  const keys = bucket?.local_dev?.experimental_s3_credentials;
  if (bucket?.bucket_name === undefined || keys === undefined) {
    throw new Error(`${configPath} names no r2_buckets entry with local_dev.experimental_s3_credentials.`);
  }
  return { bucket: bucket.bucket_name, ...keys };
}

/** Asked before, because wrangler moves to another port or prints a stack trace. */
async function refuseTakenPort(port: number): Promise<void> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    throw new PortTakenError(
      isTaken
        ? `port ${port} is taken by another program. Choose another one: npm start -- --port ${port + 1}`
        : `port ${port} cannot be listened on: ${String(error)}. Choose another one: npm start -- --port 8787`,
      { cause: error },
    );
  }
  server.close();
  await once(server, 'close');
}
