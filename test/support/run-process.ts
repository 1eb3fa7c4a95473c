/** Mirror runs as processes of their own, which a suite may kill and measure. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isObject } from './manifest-json.ts';
import { startProgram, type Exit, type Program } from './process.ts';

/** Where a run writes to, and what it mirrors. */
export interface RunTarget {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** One run below each of them, one after the other. They end in a slash. */
  readonly prefixes: readonly string[];
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Bytes; what is larger is uploaded in parts of this size. S3 takes no smaller ones than 5 MiB. */
  readonly partBytes: number;
  /** `host:port` of a registry that speaks plain HTTP. */
  readonly upstream: string;
  /** No tags: all of them. */
  readonly repositories: readonly { readonly path: string; readonly tags: readonly string[] }[];
}

const SCRIPT = fileURLToPath(new URL('../mirror-job/engine/run/killable-run.ts', import.meta.url));
/** A run that takes longer hangs. Milliseconds. */
const PATIENCE = 120_000;

/** What another process was told. @throws when it is not the JSON of a target */
export function readTarget(text: string): RunTarget {
  const json: unknown = JSON.parse(text);
  if (!isTarget(json)) throw new Error('The argument is not the JSON of a target.');
  return json;
}

function isTarget(json: unknown): json is RunTarget {
  return isObject(json) && typeof json['endpoint'] === 'string' && Array.isArray(json['repositories']);
}

/** Starts a run; the caller awaits its end. */
export async function startRun(target: RunTarget): Promise<Program> {
  // Dozens of processes that compile the same files.
  const env = { NODE_COMPILE_CACHE: join(tmpdir(), 'lifeboat-compile-cache') };
  return startProgram(process.execPath, [SCRIPT, JSON.stringify(target)], { env });
}

/**
 * Runs to the end.
 * @returns the most memory, in bytes, that the process has had (its peak resident set)
 * @throws when it has not ended in two minutes, or not well
 */
export async function runOnce(target: RunTarget): Promise<number> {
  const program = await startRun(target);
  const { code, signal } = await ended(program);
  if (code !== 0) throw new Error(`The run ended with ${code ?? signal}:\n${program.output()}`);
  return Number(program.stdout());
}

/** Bounded: one that hangs is killed. */
export async function ended(program: Program): Promise<Exit> {
  const timer = setTimeout(() => program.kill('SIGKILL'), PATIENCE);
  const exit = await program.exited;
  clearTimeout(timer);
  return exit;
}
