/**
 * Runs `lifeboat` inside the test's own process. That is fast, but uses neither the process's own exit nor its signals
 * and environment.
 */
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { main } from '../../../mirror-job/main.ts';
import type { Io } from '../../../mirror-job/terminal/io.ts';
import { NOBODYS } from '../../support/nobody.ts';

export interface TestIo extends Io {
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
  /** A test sends a signal with `signals.emit('SIGTERM', 'SIGTERM')`. */
  readonly signals: EventEmitter;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Makes an `Io` that records all output. A command that ends the process at once ends nothing here. */
export function createIo(
  options: Partial<Pick<Io, 'stdin' | 'env' | 'cwd' | 'program' | 'exit'>> = {},
): TestIo {
  return {
    stdin: () => new PassThrough().end(),
    stdout: new PassThrough({ highWaterMark: Number.MAX_SAFE_INTEGER }),
    stderr: new PassThrough({ highWaterMark: Number.MAX_SAFE_INTEGER }),
    cwd: process.cwd(),
    program: 'lifeboat',
    signals: new EventEmitter(),
    exit: () => {},
    ...options,
    env: { ...NOBODYS, ...options.env },
  };
}

/** Runs one command to its end. */
export async function runMain(args: readonly string[], io: TestIo = createIo()): Promise<Ended> {
  const code = await main(args, io);
  return { code, stdout: textOf(io.stdout), stderr: textOf(io.stderr) };
}

/** @returns the text that was written since the last call */
function textOf(stream: PassThrough): string {
  const bytes: unknown = stream.read();
  return Buffer.isBuffer(bytes) ? bytes.toString() : '';
}
