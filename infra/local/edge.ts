/**
 * Runs the edge on this machine: the Worker in workerd, and wrangler's local R2 behind its S3 API as the bucket, on one
 * port. The Worker is the one that is deployed; only the store is local.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { unstable_DevEnv, unstable_readConfig } from 'wrangler';
import { causeOf } from './start-failure.ts';

// Miniflare asks a host of Cloudflare's for `request.cf`, and prints a stack trace if there is no network.
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
  /** The address, without a slash at its end. */
  readonly url: string;
  readonly store: LocalStore;
  stop(): Promise<void>;
}

/** Another program listens on the port. The message says how to choose another port. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

/** The edge does not start, or starts and refuses its variables. The message says why and what to do. */
export class EdgeStartError extends Error {
  override readonly name = 'EdgeStartError';

  /** @param options.cause the error of wrangler or workerd that has the reason */
  constructor(what: string, configPath: string, options: { readonly cause?: unknown } = {}) {
    super(
      `${what}\nIf ${configPath} was edited: "git checkout wrangler.toml" brings back what "npm start" needs. The settings of a deployment belong into wrangler.deploy.toml.`,
      options,
    );
  }
}

/**
 * The bucket that the edge will have on that port, for checks before it starts.
 * @param configPath the wrangler.toml, which names the bucket and its local keys
 * @throws {EdgeStartError} if it does not
 */
export function localStore(configPath: string, port: number): LocalStore {
  return { endpoint: `${urlOf(port)}/cdn-cgi/local/r2/s3`, ...localBucket(configPath) };
}

function urlOf(port: number): string {
  return `http://localhost:${port}`;
}

/**
 * @param options.configPath the wrangler.toml
 * @param options.store its bucket, as `localStore` finds it
 * @param options.state the folder that keeps the bucket between two starts
 * @throws {PortTakenError}
 * @throws {EdgeStartError} if anything is wrong with `configPath` or with the Worker
 */
export async function startEdge(options: {
  readonly configPath: string;
  readonly port: number;
  readonly store: LocalStore;
  readonly state: string;
}): Promise<LocalEdge> {
  const { configPath, port, store, state } = options;
  await refuseTakenPort(port);
  const environment = new unstable_DevEnv();
  const outcome = firstOutcome(environment);
  try {
    await environment.startWorker({
      config: configPath,
      // Routes would give requests the host name of a deployment, and the bucket's S3 API would see that name too.
      triggers: [],
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
    await outcome;
  } catch (error) {
    throw new EdgeStartError(`The edge does not start: ${causeOf(error)}`, configPath, { cause: error });
  }
  // Miniflare's own listeners would end the process at once, while its user still has something to print.
  process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM');
  return { url: urlOf(port), store, stop: () => environment.teardown() };
}

/**
 * Resolves when the Worker runs. A Worker that workerd refuses is never ready, and its requests wait for ever.
 * @throws the error that wrangler reports instead
 */
function firstOutcome(environment: unstable_DevEnv): Promise<void> {
  const outcome = new Promise<void>((resolve, reject) => {
    environment.once('reloadComplete', () => resolve());
    for (const event of ['error', 'buildFailed', 'runtimeError']) environment.once(event, reject);
  });
  // Nobody awaits this promise if the start itself fails.
  outcome.catch(() => {});
  return outcome;
}

/** @throws {EdgeStartError} with the edge's own message about its variables, if it refuses them */
export async function requireGoodVariables({ url }: LocalEdge, configPath: string): Promise<void> {
  const response = await fetch(`${url}/v2/`);
  if (response.status < 500) return;
  const said = causeOf(await response.text());
  throw new EdgeStartError(`The edge refuses its variables: ${said}`, configPath);
}

function localBucket(configPath: string): Omit<LocalStore, 'endpoint'> {
  const [bucket] = readConfig(configPath).r2_buckets;
  const keys = bucket?.local_dev?.experimental_s3_credentials;
  if (bucket?.bucket_name === undefined || keys === undefined) {
    throw new EdgeStartError(
      'The edge does not start: no [[r2_buckets]] entry with local_dev.experimental_s3_credentials is there.',
      configPath,
    );
  }
  return { bucket: bucket.bucket_name, ...keys };
}

function readConfig(configPath: string): ReturnType<typeof unstable_readConfig> {
  try {
    return unstable_readConfig({ config: configPath }, { hideWarnings: true });
  } catch (error) {
    throw new EdgeStartError(`${configPath}: ${causeOf(error)}`, configPath, { cause: error });
  }
}

/** Checks the port before wrangler does, because wrangler would use another port, or print a stack trace. */
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
