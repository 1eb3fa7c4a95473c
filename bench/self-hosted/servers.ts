/** Starts the registries that are compared: the edge in workerd of one's own, and distribution on the same S3 server. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildOwnEdge, variablesOf, WORKERD } from '../../test/support/own-edge.ts';
import { freePort, startProgram, waitForHttp, type Program } from '../../test/support/process.ts';
import { requireProgram } from '../../test/support/programs.ts';
import type { S3Server } from '../../test/support/s3-server.ts';

export interface Registry {
  readonly name: string;
  readonly url: string;
  readonly host: string;
  readonly program: Program;
}

/** @param folder is created here, and holds the edge's bundle and log */
export async function startEdgeRegistry(folder: string, store: S3Server): Promise<Registry> {
  await mkdir(folder, { recursive: true });
  await buildOwnEdge(join(folder, 'edge'));
  const host = `127.0.0.1:${await freePort()}`;
  const args = [WORKERD, 'serve', join(folder, 'edge/edge.capnp'), `--socket-addr=http=${host}`];
  return start('the edge', host, folder, args, variablesOf(store));
}

/**
 * Starts distribution as its documentation recommends it for S3: with redirects and its cache of descriptors in memory. It writes no
 * line per request.
 * @param folder is created here
 */
export async function startDistribution(folder: string, store: S3Server, bucket: string): Promise<Registry> {
  await mkdir(folder, { recursive: true });
  const host = `127.0.0.1:${await freePort()}`;
  const config = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      s3: {
        accesskey: store.accessKeyId,
        secretkey: store.secretAccessKey,
        region: store.region,
        regionendpoint: store.endpoint,
        secure: false,
        bucket,
      },
      cache: { blobdescriptor: 'inmemory' },
    },
    http: { addr: host },
  };
  const file = join(folder, 'config.yml');
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config));
  const args = [await requireProgram('docker-registry'), 'serve', file];
  // It cannot start with the user's own bundle of roots.
  return start('distribution', host, folder, args, { AWS_CA_BUNDLE: '' });
}

/** The log goes to a file and not through this process, because the work of this process would slow both. */
async function start(
  name: string,
  host: string,
  folder: string,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Registry> {
  const log = join(folder, 'log');
  const script = 'log="$0"; exec "$@" >"$log" 2>&1';
  const program = await startProgram('/bin/sh', ['-c', script, log, ...command], { env });
  const url = `http://${host}`;
  try {
    await waitForHttp(name === 'the edge' ? `${url}/livez` : `${url}/v2/`, { program });
  } catch (cause) {
    await program.stop();
    throw new Error(`${name} did not come up:\n${await readFile(log, 'utf8')}`, { cause });
  }
  return { name, url, host, program };
}
