/** Runs the clone's own wrangler, which knows Cloudflare's API and the login. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';

/** The script of wrangler below the clone. It is started by this Node, because `.bin` differs from system to system. */
export const WRANGLER_SCRIPT = 'node_modules/wrangler/bin/wrangler.js';

export interface WranglerOptions {
  /** The path of wrangler's script. */
  readonly script: string;
  /** The clone. */
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Ends the command that is going. */
  readonly signal: AbortSignal;
}

export interface WranglerOutput {
  readonly code: number;
  readonly stdout: string;
  /** All that wrangler printed, for messages. */
  readonly said: string;
}

/** A command of wrangler's failed. */
export class WranglerError extends Error {
  override readonly name = 'WranglerError';
  readonly args: readonly string[];
  /** The lines that wrangler printed. */
  readonly lines: readonly string[];

  constructor(args: readonly string[], { code, said }: Pick<WranglerOutput, 'code' | 'said'>) {
    super(`wrangler ${args.join(' ')}: exit code ${code}`);
    this.args = args;
    this.lines = said.split('\n').filter((line) => line.trim() !== '');
  }
}

/** The command was ended, because the whole deployment was stopped. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

export class Wrangler {
  readonly #options: WranglerOptions;

  constructor(options: WranglerOptions) {
    this.#options = options;
  }

  /** The same wrangler with further variables. */
  with(env: NodeJS.ProcessEnv): Wrangler {
    return new Wrangler({ ...this.#options, env: { ...this.#options.env, ...env } });
  }

  /**
   * Runs a command to its end, whatever its exit code is.
   * @param input for standard input, which is no terminal: wrangler asks no questions, and decides as in CI
   * @throws {StoppedError}
   */
  async ask(args: readonly string[], input = ''): Promise<WranglerOutput> {
    const { script, cwd, env, signal } = this.#options;
    if (signal.aborted) throw new StoppedError();
    const child = spawn(process.execPath, [script, ...args], {
      cwd,
      env: { ...env, NO_COLOR: '1', FORCE_COLOR: '0' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const kill = () => child.kill('SIGTERM');
    signal.addEventListener('abort', kill, { once: true });
    // A program that does not read its input closes it, which is no failure.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    try {
      const ended = new Promise<number>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (code) => resolve(code ?? 1));
      });
      const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
      if (signal.aborted) throw new StoppedError();
      const said = stripVTControlCharacters(`${stdout}\n${stderr}`);
      return { code, stdout: stripVTControlCharacters(stdout), said };
    } finally {
      signal.removeEventListener('abort', kill);
    }
  }

  /** @throws {WranglerError} for another exit code than 0, and {StoppedError} */
  async run(args: readonly string[], input?: string): Promise<string> {
    const output = await this.ask(args, input);
    if (output.code !== 0) throw new WranglerError(args, output);
    return output.stdout;
  }
}
