/** Tells a runtime of this machine to pull or to remove an image, and says in a sentence why it did not. */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { ProbedRuntime } from '../../../cluster/check/probed-runtime.ts';
import type { ProbeResult } from '../../../cluster/check/probe-result.ts';
import { errorCode } from '../../runtime/node/error-code.ts';

const START_MS = 10_000;
/** Parts of the messages of crictl and docker if no runtime answers them. A containerd that Docker has started has no CRI. */
const UNREACHABLE =
  /validate (?:CRI v1 )?(?:image|service|runtime)|connect endpoint|unknown service runtime\.v1|connect to the Docker daemon/;

/** @returns why the runtime is not on this machine; undefined if it is there */
export async function whyAbsent(
  { name, socket, variable, command: [program] }: ProbedRuntime,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  try {
    if (socket === undefined) await promisify(execFile)(program, ['--version'], { timeout: START_MS, env });
    else await access(socket);
    return undefined;
  } catch (error) {
    const code = errorCode(error);
    if (socket === undefined) return `${program} cannot be started (${code}).`;
    if (code !== 'ENOENT') return `${socket} cannot be reached (${code}). Run this as root.`;
    return variable === undefined
      ? `${socket} is not there, so ${name.replace(/, by CRI$/, '')} does not run here.`
      : `${variable} names ${socket}, which is not there.`;
  }
}

interface Run {
  readonly args: readonly string[];
  /** The longest time in milliseconds. */
  readonly timeout: number;
  readonly env: NodeJS.ProcessEnv;
}

/** @returns undefined if the program ended well */
export async function runCommand(
  { command: [program, ...before] }: ProbedRuntime,
  { args, timeout, env }: Run,
): Promise<Pick<ProbeResult, 'through' | 'reason'> | undefined> {
  try {
    await promisify(execFile)(program, [...before, ...args], { timeout, env });
    return undefined;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'EACCES') {
      return {
        through: 'unknown',
        reason: `${program} cannot be started (${code}). Install it on this node.`,
      };
    }
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    if (UNREACHABLE.test(output)) return { through: 'unknown', reason: messageIn(output) };
    const isSlow = error instanceof Error && 'killed' in error && error.killed === true;
    return {
      through: 'no',
      reason: isSlow ? `${program} did not end in ${timeout / 1000} s.` : messageIn(output),
    };
  }
}

/** @returns the message as a sentence, because another one may follow */
function messageIn(output: string): string {
  const message = lastMessage(output);
  return /[.?!]$/.test(message) || message === '' ? message : `${message}.`;
}

/** @returns the last line, of which crictl's has the message after a time and a level: `time="…" level=fatal msg="…"` */
function lastMessage(output: string): string {
  const line = output.split('\n').at(-1) ?? '';
  const [, quoted] = /\bmsg=("(?:[^"\\]|\\.)*")/.exec(line) ?? [];
  if (quoted === undefined) return line;
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted.slice(1, -1);
  }
}
