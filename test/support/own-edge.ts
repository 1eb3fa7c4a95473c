/** Runs the edge as on a machine of one's own: workerd alone, with the configuration of infra/edge/. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Edge } from './edge.ts';
import type { Store } from './local-store.ts';
import { freePort, runProgram, startProgram, waitFor, type Program } from './process.ts';

const PROJECT = join(import.meta.dirname, '../..');
export const WORKERD = join(PROJECT, 'node_modules/.bin/workerd');

/** Does as `npm run build` does for the edge. @throws if the bundle cannot be built */
export async function buildOwnEdge(folder: string): Promise<void> {
  const script = join(PROJECT, 'infra/edge/bundle.js');
  const { code, stderr } = await runProgram(process.execPath, [script, folder]);
  // A warning fails too, because the bundle would not be the one that users have.
  if (code !== 0 || stderr !== '') throw new Error(`The edge cannot be built:\n${stderr}`);
}

/** The variables of the edge that name a store. */
export function variablesOf(store: Omit<Store, 'buckets' | 'stop'>): Readonly<Record<string, string>> {
  return {
    S3_ENDPOINT: store.endpoint,
    S3_BUCKET: store.bucket,
    S3_REGION: store.region,
    S3_ACCESS_KEY_ID: store.accessKeyId,
    S3_SECRET_ACCESS_KEY: store.secretAccessKey,
  };
}

export interface OwnEdge extends Edge {
  readonly program: Program;
}

/**
 * Starts workerd in a folder that `buildOwnEdge` has filled.
 * @param variables the whole environment
 * @param address the host and port; by default a free port of this machine
 * @throws if it answers nothing; any answer counts, also a refusal of its variables
 */
export async function serveOwnEdge(
  folder: string,
  variables: Readonly<Record<string, string>>,
  address?: string,
): Promise<OwnEdge> {
  const host = address ?? `127.0.0.1:${await freePort()}`;
  const environment = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const serve = [WORKERD, 'serve', join(folder, 'edge.capnp'), `--socket-addr=http=${host}`];
  const program = await startProgram('env', ['-i', ...environment, ...serve]);
  await waitForAnswer(`http://${host}/livez`, program);
  return {
    url: `http://${host}`,
    host,
    program,
    stop: async () => {
      await program.stop();
    },
  };
}

/** Waits until the URL answers with any status. @throws if the program ends before, or it takes too long */
async function waitForAnswer(url: string, program: Program): Promise<void> {
  const answers = async () => {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
      await response.body?.cancel();
      return true;
    } catch {
      return false;
    }
  };
  await waitFor(`an answer from ${url}`, answers, { program });
}

/** Builds the edge and starts it over a store, as `startEdge` of edge.ts does with wrangler. */
export async function startOwnEdge(
  store: Omit<Store, 'buckets' | 'stop'>,
  variables: Readonly<Record<string, string>> = {},
): Promise<OwnEdge> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-own-edge-'));
  try {
    await buildOwnEdge(folder);
    const edge = await serveOwnEdge(folder, { ...variablesOf(store), ...variables });
    const stop = async () => {
      await edge.stop();
      await rm(folder, { recursive: true, force: true });
    };
    return { ...edge, stop };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
