/**
 * Asks the programs that store docker's credentials outside its files.
 * https://github.com/docker/docker-credential-helpers#development
 */
import { isObject } from '../../core/json.ts';
import type { IdentityToken, Password } from '../sources/registry/registry-options.ts';
import { credentialOf } from './docker-config.ts';

/** The time is long, because the helpers of cloud providers ask a server. */
export const HELPER_TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * A helper failed. The message is the end of a sentence, and never has what the helper printed, because that may be a
 * secret.
 */
export class HelperError extends Error {
  override readonly name = 'HelperError';
}

/**
 * Asks `docker-credential-<name> get`.
 * @param server the name under which docker stored the login
 * @param timeoutMs the time after which the helper is killed
 * @returns undefined if the helper has no credential for the server
 * @throws {HelperError}, and the signal's reason
 */
export async function askHelper(
  name: string,
  server: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Password | IdentityToken | undefined> {
  // A path could lead to any program, and only credential helpers may run.
  if (!/^[\w.-]+$/.test(name)) throw new HelperError('has a name that no helper can have');
  signal.throwIfAborted();
  const { error, stdout } = await run(`docker-credential-${name}`, server, timeoutMs, signal);
  signal.throwIfAborted();
  if (error !== null) {
    if (/credentials not found/i.test(stdout)) return undefined;
    throw new HelperError(explain(error, timeoutMs));
  }
  return parseAnswer(stdout);
}

interface Failure {
  readonly code?: string | number | null | undefined;
  readonly killed?: boolean | undefined;
}

async function run(
  program: string,
  input: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<{ error: Failure | null; stdout: string }> {
  // The module is loaded only for a helper, because most runs have none.
  const { execFile } = await import('node:child_process');
  return new Promise((resolve) => {
    const options = {
      timeout: timeoutMs,
      signal,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_ANSWER_BYTES,
    } as const;
    // Only the error's code leaves this function, because its message has what the helper wrote.
    const child = execFile(program, ['get'], options, (error, stdout) => {
      resolve({ error: error === null ? null : { code: error.code, killed: error.killed }, stdout });
    });
    // A helper may close its input without reading it. Its output still counts.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

function explain({ code, killed }: Failure, timeoutMs: number): string {
  if (code === 'ENOENT') return 'is not installed';
  if (code === 'EACCES') return 'may not be run by this user';
  if (killed === true) return `did not answer within ${timeoutMs / 1000} s`;
  return typeof code === 'number' ? `failed with exit code ${code}` : 'failed';
}

function parseAnswer(stdout: string): Password | IdentityToken | undefined {
  let json: unknown;
  try {
    json = JSON.parse(stdout);
  } catch {
    throw new HelperError('answered what is not JSON');
  }
  const username = isObject(json) ? json['Username'] : undefined;
  const secret = isObject(json) ? json['Secret'] : undefined;
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw new HelperError('answered without a Username and a Secret');
  }
  return credentialOf(username, secret);
}
