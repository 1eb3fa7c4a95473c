/**
 * Measures how an edge answers many clients that ask for a few objects at the same moment. The edge has seen none of
 * the objects before.
 */
import { get } from 'node:http';
import type { CountingProxy } from '../../test/support/counting-proxy.ts';
import { pause } from '../../test/support/process.ts';
import { CLIENT_HEADERS } from './load.ts';
import { forgetPeak, readStatus } from './memory.ts';
import type { RunningWorker } from './workerd.ts';

export interface AtOnceOptions {
  readonly edge: RunningWorker;
  /** The proxy in front of the edge's store. */
  readonly proxy: CountingProxy;
  /** The paths that are requested. Each gets the same number of clients. */
  readonly paths: readonly string[];
  readonly clients: number;
  /** The size of each answer, in bytes. */
  readonly size: number;
}

export interface AtOnce {
  /** Reads of the object that was read most often. */
  readonly reads: number;
  /** Number of distinct objects that were read. */
  readonly objects: number;
  /** Growth of resident memory since before the clients came, in bytes. */
  readonly growth: number;
  readonly seconds: number;
}

/** @throws if a client gets an answer of another size */
export async function measureAtOnce({ edge, proxy, paths, clients, size }: AtOnceOptions): Promise<AtOnce> {
  const { pid } = edge.program;
  await forgetPeak(pid);
  const before = await readStatus(pid, 'VmRSS');
  proxy.reset();
  const begin = performance.now();
  const requested = Array.from({ length: clients }, (_, client) => paths[client % paths.length] ?? '');
  await Promise.all(requested.map((path) => ask(`${edge.url}${path}`, size)));
  const seconds = (performance.now() - begin) / 1000;
  // The wait is for writes into the cache, which go on after the answers.
  await pause(200);
  const reads = new Map<string, number>();
  for (const { path } of proxy.requests) reads.set(path, (reads.get(path) ?? 0) + 1);
  const growth = (await readStatus(pid, 'VmHWM')) - before;
  return { reads: Math.max(...reads.values()), objects: reads.size, growth, seconds };
}

async function ask(url: string, size: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const request = get(url, { agent: false, headers: CLIENT_HEADERS, timeout: 20_000 }, (response) => {
      let received = 0;
      response.on('data', (chunk: Buffer) => (received += chunk.length));
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 200 && received === size) resolve();
        else
          reject(new Error(`${url} is ${response.statusCode} with ${received} bytes, not 200 with ${size}.`));
      });
    });
    request.once('error', reject);
    request.once('timeout', () => request.destroy(new Error(`${url} was not answered in 20 s.`)));
  });
}
