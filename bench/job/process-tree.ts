/** Runs a program to its end, and watches what it and its children take. Linux alone: it reads /proc. */
import { readFileSync } from 'node:fs';
import { startProgram, type ProgramOptions } from '../../test/support/process.ts';

export interface Measured {
  readonly seconds: number;
  /** The most memory that was resident in the process and its children, together. */
  readonly peakBytes: number;
  /** CPU time on all cores, to a hundredth. */
  readonly cpuSeconds: number;
  readonly code: number | null;
  readonly output: string;
}

/** The kernel keeps each process's own peak, so that only the last of these before its end has to be near it. */
const SAMPLE_EVERY_MS = 10;
/** USER_HZ, which Linux has everywhere. */
const TICKS_PER_SECOND = 100;

/**
 * @param until ends the program as soon as it resolves, with SIGKILL
 * @throws when it cannot be started or has not ended after `timeoutMs`
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

function treeOf(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(treeOf)];
}

/** 0 for one that has ended. */
function peakOf(pid: number): number {
  const [, kibibytes = '0'] = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`)) ?? [];
  return Number(kibibytes) * 1024;
}

function cpuOf(pid: number): number {
  // The name, which may hold spaces, is in parentheses; fields 14 to 17 are its own time and its ended children's.
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ');
  return sum(fields.slice(11, 15).map(Number)) / TICKS_PER_SECOND;
}

/** Empty when there is nothing: whoever is looked at may end at any time. */
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
