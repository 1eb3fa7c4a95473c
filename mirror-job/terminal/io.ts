/** The parts of the process that commands use. A test that runs a command inside its own process gives its own parts. */
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
  /** For results alone. */
  readonly stdout: Output;
  /** For progress, warnings and errors. */
  readonly stderr: Output;
  /** The AWS SDK and programs that are started read the environment of the process itself. */
  readonly env: NodeJS.ProcessEnv;
  /** The folder in which relative file names start. */
  readonly cwd: string;
  /** The text that is typed before the name of a command, as a shell reads it: `npx lifeboat`. */
  readonly program: string;
  /** Sends SIGINT and SIGTERM, as the process itself does. */
  readonly signals: Pick<EventEmitter, 'on' | 'off'>;
  /** Ends the process at once, for a command that has to stop and does not. */
  exit(code: number): void;
}

/** What each command gets. */
export interface Session extends Io {
  /** Completes the commands that messages suggest. */
  readonly commandLine: CommandLine;
}
