/**
 * A terminal that holds its visible text. It understands line ends, "so many lines up", "clear what follows", and
 * colours.
 */
import { Writable } from 'node:stream';
import { CommandLine } from '../../../mirror-job/terminal/command-line.ts';
import type { Output } from '../../../mirror-job/terminal/io.ts';
import { Progress } from '../../../mirror-job/terminal/progress.ts';

export class Screen extends Writable {
  readonly isTTY = true;
  columns: number;
  rows = 24;
  /** The number of writes. */
  writes = 0;
  #lines: string[] = [''];
  #row = 0;

  constructor(columns = 80) {
    super();
    this.columns = columns;
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.writes += 1;
    const [first = '', ...commands] = chunk.toString().split('\u001B');
    this.#print(first);
    for (const command of commands) {
      const [whole, count = '', kind] = /^\[(\d*)([A-Za-z])/.exec(command) ?? [''];
      this.#obey(kind, Number(count), command);
      this.#print(command.slice(whole.length));
    }
    done();
  }

  text(): string {
    return this.#lines.join('\n');
  }

  /** Changes the width as terminals do: lines that have become too long are broken in two. */
  resize(columns: number): void {
    this.columns = columns;
    this.#lines = this.#lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, 'g')) ?? ['']);
    this.#row = this.#lines.length - 1;
  }

  #obey(kind: string | undefined, count: number, command: string): void {
    if (kind === 'F') this.#row = Math.max(this.#row - count, 0);
    else if (kind === 'J') this.#lines = [...this.#lines.slice(0, this.#row), ''];
    else if (kind !== 'm') throw new Error(`This terminal does not know ${JSON.stringify(command)}.`);
  }

  #print(text: string): void {
    for (const [index, line] of text.split('\n').entries()) {
      if (line.length > this.columns) throw new Error(`Too long for ${this.columns} columns: ${line}`);
      if (index > 0) this.#row += 1;
      this.#lines[this.#row] = `${this.#lines[this.#row] ?? ''}${line}`;
    }
  }
}

/** Makes the progress of a terminal, unless the environment says otherwise. */
export function progressOn(stderr: Output, env: NodeJS.ProcessEnv = { TERM: 'xterm' }): Progress {
  return new Progress({ stderr, env, commandLine: new CommandLine() });
}
