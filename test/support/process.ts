/** Starts real programs, waits for them, and stops them even if the test fails. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { close, listen } from './http-server.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Program {
  readonly pid: number;
  /** The output so far, stdout and stderr in the order of arrival. */
  output(): string;
  stdout(): string;
  stderr(): string;
  /** Resolves when the program has ended in any way. */
  readonly exited: Promise<Exit>;
  running(): boolean;
  /** Sends a signal, if the program has not ended. */
  kill(signal: NodeJS.Signals): void;
  /** Sends SIGTERM, and SIGKILL after `grace` milliseconds. Resolves when the program has ended. It may be called again. */
  stop(grace?: number): Promise<Exit>;
}

export interface ProgramOptions {
  readonly cwd?: string;
  /** The variables that are added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The text for the standard input, which is then closed. */
  readonly input?: string;
}

/**
 * The variable is for many processes that load the same large modules. Node writes the compiled code into the folder,
 * and reads it later.
 */
export const COMPILE_CACHE = { NODE_COMPILE_CACHE: join(tmpdir(), 'lifeboat-compile-cache') };

const children = new Set<ChildProcessWithoutNullStreams>();

// A test runner that ends early must not leave servers behind.
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** @throws if the program cannot be started (not found, not executable) */
export async function startProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Program> {
  const child = spawn(command, args, {
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    stdio: 'pipe',
  });
  const written = { stdout: '', stderr: '', all: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8');
    child[name].on('data', (text: string) => {
      written[name] += text;
      written.all += text;
    });
  }
  // If a program ends before it has read its input, its exit code counts, and not the broken pipe.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');

  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => {
      children.delete(child);
      resolve({ code, signal });
    });
    // The program's own children may keep its output open for ever, so the output is closed soon after the program's
    // end.
    child.once('exit', () => {
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, 1000).unref();
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(new Error(`${command} could not be started.`, { cause })));
  });
  children.add(child);

  const running = () => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    output: () => written.all,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    exited,
    running,
    kill: (signal) => {
      if (running()) child.kill(signal);
    },
    stop: async (grace = 5000) => {
      if (running()) {
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), grace);
        await exited;
        clearTimeout(timer);
      }
      return exited;
    },
  };
}

export interface Finished extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end. The caller checks its exit code.
 * @throws if the program has not ended after `timeout` milliseconds. The program is then killed, and its output is in the message
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions & { readonly timeout?: number } = {},
): Promise<Finished> {
  const timeout = options.timeout ?? 60_000;
  const program = await startProgram(command, args, options);
  const state = { late: false };
  const timer = setTimeout(() => {
    state.late = true;
    program.kill('SIGKILL');
  }, timeout);
  const exit = await program.exited;
  clearTimeout(timer);
  if (state.late) {
    throw new Error(`${command} ${args.join(' ')} was not done after ${timeout} ms:\n${program.output()}`);
  }
  return { ...exit, stdout: program.stdout(), stderr: program.stderr() };
}

/**
 * Calls `probe` until it returns true.
 * @throws if `timeout` milliseconds have passed, or the program has ended. Its output is in the message
 */
export async function waitFor(
  what: string,
  probe: () => boolean | Promise<boolean>,
  options: { readonly program?: Program; readonly timeout?: number } = {},
): Promise<void> {
  const timeout = options.timeout ?? 20_000;
  const deadline = Date.now() + timeout;
  while (!(await probe())) {
    const ended = options.program !== undefined && !options.program.running();
    if (ended || Date.now() > deadline) {
      const reason = ended ? 'the program ended' : `${timeout} ms passed`;
      throw new Error(`Waited for ${what}, but ${reason}.\n${options.program?.output() ?? ''}`);
    }
    await pause(25);
  }
}

/** Resolves when the URL answers with a status below 500. */
export async function waitForHttp(
  url: string,
  options: { readonly program?: Program; readonly timeout?: number } = {},
): Promise<void> {
  const answers = async () => {
    try {
      const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(2000) });
      await response.body?.cancel();
      return response.status < 500;
    } catch {
      return false;
    }
  };
  await waitFor(`an answer from ${url}`, answers, options);
}

/** Waits until the program's output matches the pattern. @returns the match */
export async function waitForOutput(
  program: Program,
  pattern: RegExp,
  timeout?: number,
): Promise<RegExpExecArray> {
  await waitFor(`the output ${pattern}`, () => pattern.test(program.output()), {
    program,
    ...(timeout !== undefined && { timeout }),
  });
  const match = pattern.exec(program.output());
  if (match === null) throw new Error(`The output ${pattern} was there and is not: the pattern is stateful.`);
  return match;
}

export async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Returns a TCP port on 127.0.0.1 that is free at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await close(server);
  return port;
}
