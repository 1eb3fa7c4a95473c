/** Warm answers beside those of a bare Worker: as many bytes and headers, in the same run, turn by turn. */
import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { spreadOf, type Spread } from '../statistics.ts';
import { CLIENT_HEADERS, load, type Load } from './load.ts';
import { startBareWorker, type PlainAnswer, type RunningWorker, type Runtime } from './workerd.ts';

export interface WarmOptions {
  readonly edge: RunningWorker;
  readonly runtime: Runtime;
  readonly path: string;
  /** The folder of the bare Worker. It is created here. */
  readonly folder: string;
  readonly rounds: number;
  /** Turns of each Worker per round. They alternate, so that other load on the machine meets both. */
  readonly turns: number;
  /** The length of each turn. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

export interface Warm {
  /** Our requests per second divided by the bare Worker's, per round. */
  readonly ratio: Spread;
  /** The bare Worker's CPU time per request divided by ours, per round. This is the ratio on a machine without other load. */
  readonly cpuRatio: Spread;
  readonly ours: Readonly<Record<keyof Load, Spread>>;
  readonly bare: Readonly<Record<keyof Load, Spread>>;
}

export async function measureWarm(options: WarmOptions): Promise<Warm> {
  const { edge, runtime, path, folder, rounds, warmUpSeconds } = options;
  await edge.clearLog();
  await fetchAnswer(edge, path);
  const answer = await fetchAnswer(edge, path);
  await refuseSilence(edge, 2);
  const bare = await startBareWorker(join(folder, 'bare'), runtime, answer);
  const results: Pair[] = [];
  try {
    refuseDifference(answer, await fetchAnswer(bare, path));
    for (const worker of [bare, edge]) await load(worker, path, warmUpSeconds);
    for (let round = 0; round < rounds; round += 1) {
      results.push(await runRound(bare, options));
    }
  } finally {
    await bare.stop();
  }
  return {
    ratio: spreadOf(results.map((result) => result.ours.rate / result.bare.rate)),
    cpuRatio: spreadOf(results.map((result) => result.bare.cpuMicros / result.ours.cpuMicros)),
    ours: spreadsOf(results.map((result) => result.ours)),
    bare: spreadsOf(results.map((result) => result.bare)),
  };
}

interface Pair {
  readonly ours: Load;
  readonly bare: Load;
}

async function runRound(bare: RunningWorker, options: WarmOptions): Promise<Pair> {
  const { edge, path, turns, seconds } = options;
  const loads: Record<keyof Pair, Load[]> = { bare: [], ours: [] };
  for (let turn = 0; turn < turns; turn += 1) {
    loads.bare.push(await load(bare, path, seconds));
    loads.ours.push(await load(edge, path, seconds));
    await edge.clearLog();
  }
  return { bare: meanOf(loads.bare), ours: meanOf(loads.ours) };
}

/** @param loads of equal length */
function meanOf(loads: readonly Load[]): Load {
  const mean = (of: (load: Load) => number) => loads.reduce((sum, one) => sum + of(one), 0) / loads.length;
  return {
    rate: mean(({ rate }) => rate),
    p99Ms: mean(({ p99Ms }) => p99Ms),
    cpuMicros: mean(({ cpuMicros }) => cpuMicros),
  };
}

function spreadsOf(loads: readonly Load[]): Record<keyof Load, Spread> {
  return {
    rate: spreadOf(loads.map(({ rate }) => rate)),
    p99Ms: spreadOf(loads.map(({ p99Ms }) => p99Ms)),
    cpuMicros: spreadOf(loads.map(({ cpuMicros }) => cpuMicros)),
  };
}

/** As it comes over the wire, without following anything. */
async function fetchAnswer(worker: RunningWorker, path: string): Promise<PlainAnswer> {
  return new Promise((resolve, reject) => {
    const request = get(`${worker.url}${path}`, { headers: CLIENT_HEADERS, timeout: 20_000 }, (response) => {
      let size = 0;
      response.on('data', (chunk: Buffer) => (size += chunk.length));
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: pairsOf(response.rawHeaders), size }),
      );
    });
    request.once('error', reject);
    request.once('timeout', () => request.destroy(new Error(`${path} was not answered in 20 s.`)));
  });
}

/** Node adds nothing to what was received, but its own agent asks for a connection header. */
function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const [name = '', value = ''] = raw.slice(index, index + 2);
    if (!/^(?:connection|keep-alive)$/i.test(name)) pairs.push([name, value]);
  }
  return pairs;
}

/** @throws when the edge does not log a line a request: an edge that says nothing would win by that */
async function refuseSilence({ log }: RunningWorker, requests: number): Promise<void> {
  const lines = (await readFile(log, 'utf8')).split('\n').filter((line) => line.startsWith('{'));
  if (lines.length !== requests) {
    throw new Error(`The edge logged ${lines.length} lines for ${requests} requests.`);
  }
}

/** @throws when the two would not be compared at the same work */
function refuseDifference(ours: PlainAnswer, bare: PlainAnswer): void {
  if (ours.status >= 400 || shapeOf(ours) !== shapeOf(bare)) {
    throw new Error(`The bare Worker answers otherwise than the edge:\n${shapeOf(ours)}\n${shapeOf(bare)}`);
  }
}

function shapeOf({ status, headers, size }: PlainAnswer): string {
  return JSON.stringify({ status, size, headers: headers.toSorted(([a], [b]) => (a < b ? -1 : 1)) });
}
