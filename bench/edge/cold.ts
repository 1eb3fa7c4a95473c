/** Cold answers: an edge that has just started is asked once for each path. */
import { Agent, get } from 'node:http';
import pLimit from 'p-limit';
import { percentile, spreadOf, type Spread } from '../statistics.ts';
import { CLIENT_HEADERS } from './load.ts';
import type { Paths } from './content.ts';
import type { RunningWorker } from './workerd.ts';

const PARALLEL = 16;
const KINDS = { manifests: 200, tags: 200, blobs: 307 } as const;
export type ColdKind = keyof typeof KINDS;

export interface Cold {
  /** Requests a second. */
  readonly rate: Spread;
  readonly p99Ms: Spread;
}

/** @param start makes an edge that has seen nothing */
export async function measureCold(
  start: () => Promise<RunningWorker>,
  paths: Paths,
  rounds: number,
): Promise<Record<ColdKind, Cold>> {
  const turns: Record<ColdKind, { readonly rate: number; readonly p99Ms: number }[]> = {
    manifests: [],
    tags: [],
    blobs: [],
  };
  const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
  try {
    for (let round = 0; round < rounds; round += 1) {
      const edge = await start();
      try {
        for (const kind of ['manifests', 'tags', 'blobs'] as const) {
          turns[kind].push(await askAll(agent, edge, paths[kind], KINDS[kind]));
        }
      } finally {
        await edge.stop();
      }
    }
  } finally {
    agent.destroy();
  }
  return { manifests: summary(turns.manifests), tags: summary(turns.tags), blobs: summary(turns.blobs) };
}

function summary(turns: readonly { readonly rate: number; readonly p99Ms: number }[]): Cold {
  return { rate: spreadOf(turns.map(({ rate }) => rate)), p99Ms: spreadOf(turns.map(({ p99Ms }) => p99Ms)) };
}

async function askAll(
  agent: Agent,
  edge: RunningWorker,
  paths: readonly string[],
  status: number,
): Promise<{ rate: number; p99Ms: number }> {
  const limit = pLimit(PARALLEL);
  const begin = performance.now();
  const times = await Promise.all(
    paths.map((path) =>
      limit(async () => {
        const from = performance.now();
        const answered = await ask(agent, `${edge.url}${path}`);
        if (answered !== status) throw new Error(`${path} is ${answered}, not ${status}.`);
        return performance.now() - from;
      }),
    ),
  );
  const seconds = (performance.now() - begin) / 1000;
  return {
    rate: paths.length / seconds,
    p99Ms: percentile(
      times.toSorted((a, b) => a - b),
      0.99,
    ),
  };
}

async function ask(agent: Agent, url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, headers: CLIENT_HEADERS, timeout: 20_000 }, (response) => {
      response.once('error', reject);
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.resume();
    });
    request.once('error', reject);
    request.once('timeout', () => request.destroy(new Error(`${url} was not answered in 20 s.`)));
  });
}
