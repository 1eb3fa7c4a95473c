/** Makes load with wrk, because it takes the least CPU of the generators, and shares two cores with the Worker. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_ACCEPT } from '../../core/media-type.ts';
import { runProgram } from '../../test/support/process.ts';
import { requireProgram } from '../../test/support/programs.ts';
import type { RunningWorker } from './workerd.ts';

const REPORT = join(import.meta.dirname, 'wrk-report.lua');
export const CONNECTIONS = 32;
/** The headers are those that containerd sends. */
export const CLIENT_HEADERS = {
  Accept: `${MANIFEST_ACCEPT}, */*`,
  'User-Agent': 'containerd/2.2.0',
} as const;
/** Linux's clock ticks per second, the unit of a process's CPU time. */
const TICKS_PER_SECOND = 100;

export interface Load {
  /** Requests per second. */
  readonly rate: number;
  readonly p99Ms: number;
  /**
   * The CPU time of the Worker's process per request, in microseconds. Of the three figures it is the one that other
   * load on the machine changes least.
   */
  readonly cpuMicros: number;
}

/**
 * Requests one path over and over.
 * @throws if a request fails or is answered with an error
 */
export async function load(
  worker: Pick<RunningWorker, 'url' | 'program'>,
  path: string,
  seconds: number,
): Promise<Load> {
  const wrk = await requireProgram('wrk');
  const headers = Object.entries(CLIENT_HEADERS).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', REPORT, ...headers, `${worker.url}${path}`];
  const before = await cpuSeconds(worker.program.pid);
  const { code, stdout, stderr } = await runProgram(wrk, args, { timeout: seconds * 1000 + 20_000 });
  const spent = (await cpuSeconds(worker.program.pid)) - before;
  const report: Report = JSON.parse(/^\{.*\}$/m.exec(stdout)?.[0] ?? '{}');
  const { requests = 0, duration = 0, p99 = 0, failures = 0 } = report;
  if (code !== 0 || requests === 0 || failures > 0) {
    throw new Error(`wrk ended with ${code}, after ${failures} failures:\n${stdout}${stderr}`);
  }
  return { rate: requests / (duration / 1e6), p99Ms: p99 / 1000, cpuMicros: (spent / requests) * 1e6 };
}

/** The JSON that wrk-report.lua prints. */
interface Report {
  readonly requests?: number;
  readonly duration?: number;
  readonly p99?: number;
  readonly failures?: number;
}

/** Returns the user and system time of all threads. */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name, which may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
