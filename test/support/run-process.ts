/** Starts mirror runs as processes of their own, which a suite may kill and measure. */
import { fileURLToPath } from 'node:url';
import { isObject } from './manifest-json.ts';
import { COMPILE_CACHE, startProgram, type Exit, type Program } from './process.ts';

/** The destination of a run, and the images that it mirrors. */
export interface RunTarget {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** The prefixes, which end in a slash. There is one run per prefix, one after the other. */
  readonly prefixes: readonly string[];
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** A blob that is larger is uploaded in parts of this size. S3 accepts no parts smaller than 5 MiB. */
  readonly partBytes: number;
  /** The `host:port` of a registry that speaks plain HTTP. */
  readonly upstream: string;
  /** An empty list of tags selects all. */
  readonly repositories: readonly { readonly path: string; readonly tags: readonly string[] }[];
}

const SCRIPT = fileURLToPath(new URL('../mirror-job/engine/run/killable-run.ts', import.meta.url));
/** A run that takes longer counts as hanging. */
const MAX_RUN_MS = 120_000;

/** Parses the argument of the process. @throws if it is not the JSON of a target */
export function readTarget(text: string): RunTarget {
  const json: unknown = JSON.parse(text);
  if (!isTarget(json)) throw new Error('The argument is not the JSON of a target.');
  return json;
}

function isTarget(json: unknown): json is RunTarget {
  return isObject(json) && typeof json['endpoint'] === 'string' && Array.isArray(json['repositories']);
}

/** Starts a run. The caller waits for its end. */
export async function startRun(target: RunTarget): Promise<Program> {
  return startProgram(process.execPath, [SCRIPT, JSON.stringify(target)], { env: COMPILE_CACHE });
}

/**
 * Makes a run, and waits for its end.
 * @returns the peak resident set of the process, in bytes
 * @throws if the process has not ended in two minutes, or ends with another exit code than 0
 */
export async function runOnce(target: RunTarget): Promise<number> {
  const program = await startRun(target);
  const { code, signal } = await ended(program);
  if (code !== 0) throw new Error(`The run ended with ${code ?? signal}:\n${program.output()}`);
  return Number(program.stdout());
}

/** Waits for the end of a run. A run that hangs is killed. */
export async function ended(program: Program): Promise<Exit> {
  const timer = setTimeout(() => program.kill('SIGKILL'), MAX_RUN_MS);
  const exit = await program.exited;
  clearTimeout(timer);
  return exit;
}
