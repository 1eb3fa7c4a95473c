/**
 * Makes the things that all test files of one run share, because they take seconds: the job's bundle and a local R2. A
 * test file requests them through shared.ts. Each is made at the first request, so a run of one fast file stays fast.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { BucketPool } from './bucket-pool.ts';
import { close, listen } from './http-server.ts';
import { runProgram } from './process.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The URL of the server that answers test files, without a slash at its end. */
    shared: string;
  }
}

const BUILD = join(import.meta.dirname, '../../infra/bundle.js');
/** The number of buckets of one local R2. One run of all files uses about a hundred. */
const BUCKETS = 200;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-shared-'));
  const pool = new BucketPool(BUCKETS);
  let bundle: Promise<string> | undefined;
  const make = (path: string): Promise<unknown> => {
    const count = /^\/buckets\/(\d+)$/.exec(path)?.[1];
    // The script is two folders deep, as in a checkout. A script right below /tmp would take every folder there for its
    // checkout.
    return count === undefined ? (bundle ??= buildJob(join(folder, 'dist/job'))) : pool.take(Number(count));
  };
  const server = createServer((request, response) => {
    make(request.url ?? '').then(
      (result) => response.end(JSON.stringify(result)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  project.provide('shared', `http://127.0.0.1:${await listen(server)}`);
  return async () => {
    await close(server);
    await pool.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

/** @returns the path of the script that `node` starts */
async function buildJob(folder: string): Promise<string> {
  const { code, stderr } = await runProgram(process.execPath, [BUILD, folder]);
  if (code !== 0) throw new Error(`The bundle of the job could not be built:\n${stderr}`);
  return join(folder, 'main.cjs');
}
