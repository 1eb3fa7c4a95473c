/**
 * Measures the memory and CPU time of programs and their children: of one that runs to its end, and of servers while
 * they run. It works on Linux alone, because it reads /proc.
 */
import { readFileSync } from 'node:fs';
import { startProgram, type ProgramOptions } from '../../test/support/process.ts';

/** The figures of one run. */
export interface Figures {
  readonly seconds: number;
  /** The most memory that was resident in the processes together. */
  readonly peakBytes: number;
  /** The CPU time on all cores, to a hundredth of a second. */
  readonly cpuSeconds: number;
  /** The memory that was resident before the run; only of servers, whose start is not part of the run. */
  readonly idleBytes?: number;
  /** When the last write of a repository's keys was done, in seconds since the begin; undefined without any, or if unknown. */
  readonly servedSeconds?: number;
}

export interface Measured extends Figures {
  readonly code: number | null;
  readonly output: string;
}

/** The kernel records each process's own peak, so the last sample before its end is enough to see it. */
const SAMPLE_EVERY_MS = 10;
/** The value of USER_HZ, which is the same on every Linux. */
const TICKS_PER_SECOND = 100;

/**
 * @param until the program is killed with SIGKILL as soon as this resolves
 * @throws if the program cannot be started, or has not ended after `timeout` milliseconds
 */
export async function runMeasured(
  command: string,
  args: readonly string[],
  options: ProgramOptions & { readonly timeoutMs: number; readonly until?: Promise<unknown> },
): Promise<Measured> {
  const begin = performance.now();
  const program = await startProgram(command, args, options);
  const seen = { peakBytes: 0, cpuSeconds: 0, late: false };
  const sample = () => {
    const pids = treeOf(program.pid);
    seen.peakBytes = Math.max(seen.peakBytes, sum(pids.map(peakOf)));
    seen.cpuSeconds = Math.max(seen.cpuSeconds, sum(pids.map(cpuOf)));
  };
  sample();
  const sampler = setInterval(sample, SAMPLE_EVERY_MS);
  const timer = setTimeout(() => {
    seen.late = true;
    program.kill('SIGKILL');
  }, options.timeoutMs);
  void options.until?.then(() => program.kill('SIGKILL'));
  const { code } = await program.exited;
  const seconds = (performance.now() - begin) / 1000;
  clearInterval(sampler);
  clearTimeout(timer);
  if (seen.late) {
    throw new Error(`${command} was not done after ${options.timeoutMs / 1000} s:\n${program.output()}`);
  }
  return { seconds, peakBytes: seen.peakBytes, cpuSeconds: seen.cpuSeconds, code, output: program.output() };
}

/** Returns the children of this process that run a program. @param name as the kernel shows it: 15 characters at most */
export function childrenNamed(name: string): number[] {
  return childrenOf(process.pid).filter((pid) => read(`/proc/${pid}/comm`).trim() === name);
}

/** Returns the CPU time of running processes so far, on all cores. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return sum(pids.map(cpuOf));
}

function treeOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)];
}

function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

/** Returns the peak of a process in bytes, and 0 for a process that has ended. */
function peakOf(pid: number): number {
  const [, kibibytes = '0'] = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`)) ?? [];
  return Number(kibibytes) * 1024;
}

function cpuOf(pid: number): number {
  // The name, which may contain spaces, is in parentheses. Fields 14 to 17 are the times of the process itself and of
  // its ended children.
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ');
  return sum(fields.slice(11, 15).map(Number)) / TICKS_PER_SECOND;
}

/** Reads a file, or returns an empty text, because a process may end at any time. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
