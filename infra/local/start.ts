/**
 * `npm start` runs all of Lifeboat on this machine, with an image to pull. It needs nothing but Node, and no network.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { spawn } from 'node:child_process';
import { printableLines } from '../../core/printable.ts';
import { isPort } from '../../core/reference.ts';
import { ConfigurationError } from '../../mirror-job/configuration/configuration-error.ts';
import { loadConfiguration } from '../../mirror-job/configuration/load.ts';
import { describeUnreadable, errorCode } from '../../mirror-job/runtime/node/error-code.ts';
import {
  EdgeStartError,
  localStore,
  PortTakenError,
  requireGoodVariables,
  startEdge,
  type LocalEdge,
  type LocalStore,
} from './edge.ts';
import { parentGone } from './parent.ts';
import { writeSample } from './sample.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The folder stays between two starts; `rm -r .wrangler/lifeboat` begins anew. */
const STATE = join(ROOT, '.wrangler/lifeboat');
/** The tests use this file too; a deployment has a file of its own. */
const WRANGLER = join(ROOT, 'wrangler.toml');
const SAMPLE_CONFIGURATION = join(import.meta.dirname, 'sample.yaml');
const DEFAULT_PORT = 8787;

const HELP = `Usage: npm start [-- --port N] [--config FILE]

Runs the edge and its bucket on this machine, mirrors a sample image into it, and says how
to pull it. Runs until Ctrl-C; the bucket stays in .wrangler/lifeboat.

Options:
  --port N        listen there (default: ${DEFAULT_PORT})
  --config FILE   then mirror FILE's images too; in it, the store is
                  endpoint: \${S3_ENDPOINT}, accessKeyId: \${S3_ACCESS_KEY_ID},
                  secretAccessKey: \${S3_SECRET_ACCESS_KEY}, bucket: lifeboat
  --help          this help
`;

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 0;
  const { port, configurations } = options;
  const store = localStore(WRANGLER, port);
  for (const file of configurations) {
    await refuseUnreadable(file);
    await refuseOtherStore(file, store);
  }
  await writeSample(join(STATE, 'sample'));
  const edge = await startEdge({ configPath: WRANGLER, port, store, state: join(STATE, 'state') });
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), parentGone()]);
  try {
    for (const file of [SAMPLE_CONFIGURATION, ...configurations]) {
      const code = await sync(file, store);
      if (code === 2) return 2;
    }
    await requireGoodVariables(edge, WRANGLER);
    process.stdout.write(instructions(edge));
    await stopped;
    process.stdout.write('\nStopped.\n');
    return 0;
  } finally {
    await edge.stop();
  }
}

function readOptions(): { port: number; configurations: string[] } | undefined {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: String(DEFAULT_PORT) },
      config: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return undefined;
  }
  if (!/^\d+$/.test(values.port) || !isPort(values.port)) {
    throw new RangeError(`--port "${values.port}" is not a port: 1 to 65535.`);
  }
  return { port: Number(values.port), configurations: values.config };
}

/** Refuses a file that cannot be read, by the option of this program. */
async function refuseUnreadable(file: string): Promise<void> {
  if (file === '') throw new RangeError('--config names no file.');
  try {
    await readFile(file);
  } catch (error) {
    const next =
      errorCode(error) === 'ENOENT'
        ? 'Copy lifeboat.example.yaml to it, or name another file.'
        : 'Name another file.';
    throw new RangeError(`--config ${file}: ${describeUnreadable(error)}. ${next}`, { cause: error });
  }
}

/**
 * Refuses a configuration for another store, because a configuration for a real bucket must not fill that bucket from
 * here.
 */
async function refuseOtherStore(file: string, store: LocalStore): Promise<void> {
  const { endpoint, bucket } = (await loadConfiguration(file, environmentFor(store))).store;
  if (endpoint === store.endpoint && bucket === store.bucket) return;
  throw new RangeError(
    `${file} is for another store (${bucket} at ${endpoint ?? 'AWS'}), and "npm start" fills its own. In a copy of it, set store.endpoint to \${S3_ENDPOINT}, store.accessKeyId to \${S3_ACCESS_KEY_ID}, store.secretAccessKey to \${S3_SECRET_ACCESS_KEY} and store.bucket to ${store.bucket}.`,
  );
}

function environmentFor(store: LocalStore): NodeJS.ProcessEnv {
  return {
    ...process.env,
    LIFEBOAT_SAMPLE: join(STATE, 'sample'),
    S3_ENDPOINT: store.endpoint,
    S3_ACCESS_KEY_ID: store.accessKeyId,
    S3_SECRET_ACCESS_KEY: store.secretAccessKey,
  };
}

/** Runs the job as its users do, in a process of its own. @returns its exit code */
async function sync(file: string, store: LocalStore): Promise<number> {
  const child = spawn(process.execPath, [join(ROOT, 'mirror-job/start.ts'), 'sync', '-c', file], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: environmentFor(store),
  });
  const [code]: unknown[] = await once(child, 'exit');
  return typeof code === 'number' ? code : 1;
}

function instructions({ url, store }: LocalEdge): string {
  const host = new URL(url).host;
  const image = `${host}/samples.lifeboat/hello:latest`;
  return `
Lifeboat runs on ${url}

Pull the sample:
  docker pull ${image}
  podman pull --tls-verify=false ${image}
  curl ${url}/v2/samples.lifeboat/hello/manifests/latest

Mirror more into it: copy lifeboat.example.yaml to lifeboat.yaml, list your images, then
  export S3_ENDPOINT=${store.endpoint}
  export S3_ACCESS_KEY_ID=${store.accessKeyId} S3_SECRET_ACCESS_KEY=${store.secretAccessKey}
  npx lifeboat sync -c lifeboat.yaml
(the bucket is "${store.bucket}"). What is docker.io/library/alpine there is ${host}/docker.io/library/alpine here. A
registry's port is written with "_" here: localhost:5000/app is ${host}/localhost_5000/app.

Ctrl-C stops it.
`;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage =
    error instanceof EdgeStartError ||
    error instanceof PortTakenError ||
    error instanceof RangeError ||
    error instanceof ConfigurationError ||
    (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'));
  const said = isUsage
    ? error.message
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error);
  process.stderr.write(`npm start: ${printableLines(said)}\n`);
  // Without this, everything that wrangler has started would keep the process alive.
  process.exit(isUsage ? 2 : 1);
}
