/** Measures the growth of workerd while many clients stream large blobs, and then stop reading. */
import { readFile, writeFile } from 'node:fs/promises';
import { get, type ClientRequest } from 'node:http';
import { pause } from '../../test/support/process.ts';
import { CLIENT_HEADERS } from './load.ts';
import type { RunningWorker } from './workerd.ts';

export interface MemoryOptions {
  readonly edge: RunningWorker;
  readonly path: string;
  /** Size of the whole blob, in bytes. */
  readonly size: number;
  readonly clients: number;
  /** The number of bytes that each client reads before it stops. */
  readonly readBytes: number;
}

export interface Memory {
  /** Resident memory before the clients came. */
  readonly beforeBytes: number;
  /** Peak of resident memory since then. */
  readonly peakBytes: number;
  readonly seconds: number;
}

/** The time limit of all clients together. */
const PATIENCE_MS = 180_000;

/** @throws if a client does not get the whole blob's length, or not in time */
export async function measureMemory(options: MemoryOptions): Promise<Memory> {
  const { edge, path, size, clients, readBytes } = options;
  const { pid } = edge.program;
  const requests: ClientRequest[] = [];
  await forgetPeak(pid);
  const before = await readStatus(pid, 'VmRSS');
  const begin = performance.now();
  const timer = setTimeout(() => {
    for (const request of requests) request.destroy(new Error(`No end after ${PATIENCE_MS} ms.`));
  }, PATIENCE_MS);
  try {
    const streams = Array.from({ length: clients }, () =>
      stream(`${edge.url}${path}`, size, readBytes, requests),
    );
    await Promise.all(streams);
    // All clients are connected and none reads, so every buffer on the way is full now.
    await pause(500);
    return {
      beforeBytes: before,
      peakBytes: await readStatus(pid, 'VmHWM'),
      seconds: (performance.now() - begin) / 1000,
    };
  } finally {
    clearTimeout(timer);
    for (const request of requests) request.destroy();
  }
}

/** Resolves when `readBytes` have arrived, and leaves the connection open and unread. */
async function stream(
  url: string,
  size: number,
  readBytes: number,
  requests: ClientRequest[],
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const request = get(url, { agent: false, headers: CLIENT_HEADERS }, (response) => {
      const { statusCode, headers } = response;
      if (statusCode !== 200 || headers['content-length'] !== String(size)) {
        reject(
          new Error(`${url} is ${statusCode} with ${headers['content-length']} bytes, not 200 with ${size}.`),
        );
        return;
      }
      let received = 0;
      response.on('data', (chunk: Buffer) => {
        received += chunk.length;
        if (received < readBytes) return;
        response.pause();
        resolve();
      });
      response.once('end', () => reject(new Error(`${url} ended after ${received} bytes.`)));
      // Every connection is cut in the end. An error before that is a failure.
      response.on('error', reject);
    });
    requests.push(request);
    request.on('error', reject);
  });
}

/** Resets the peak, so that the memory of the start and of the first requests does not count. */
export async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}

/** @returns the value in bytes */
export async function readStatus(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/status has no ${field}.`);
  return Number(kibibytes) * 1024;
}
