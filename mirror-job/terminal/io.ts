/**
 * The parts of the process that commands use. A test that runs a command inside its own process passes its own parts.
 */
import type { EventEmitter } from 'node:events';
import type { CommandLine } from './command-line.ts';

/** A stream for text. A terminal knows its size, which may change, and how many colours it shows. */
export type Output = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  getColorDepth?(env: object): number;
};

export interface Io {
  /** Opens standard input. Only a command that is told to read it does so, because opening it can keep a process alive. */
  readonly stdin: () => AsyncIterable<Uint8Array | string>;
  /** The stream for results alone. */
  readonly stdout: Output;
  /** The stream for progress, warnings and errors. */
  readonly stderr: Output;
  /**
   * The environment. The AWS SDK, and programs that a command starts, read the environment of the process itself
   * instead.
   */
  readonly env: NodeJS.ProcessEnv;
  /** The folder against which relative file names are resolved. */
  readonly cwd: string;
  /** The text that is typed before the name of a command, as a shell reads it: `npx lifeboat`. */
  readonly program: string;
  /** Sends SIGINT and SIGTERM, as the process itself does. */
  readonly signals: Pick<EventEmitter, 'on' | 'off'>;
  /** Ends the process at once. A command calls it if it has to stop and its work does not end. */
  exit(code: number): void;
}

/** The parts of the process, as each command gets them. */
export interface Session extends Io {
  /** Completes the commands that messages suggest. */
  readonly commandLine: CommandLine;
}
