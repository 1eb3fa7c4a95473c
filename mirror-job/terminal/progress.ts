/** What a run is doing, while it does it: a line that renews itself on a terminal, a plain line now and then elsewhere. */
import type { WriteStream } from 'node:tty';
import type { Log } from '../engine/environment.ts';
import type { Tally } from '../engine/tally.ts';
import { formatBytes, styleFor } from './style.ts';

/** Milliseconds between two views. */
const LIVE_EVERY = 200;
const PLAIN_EVERY = 10_000;
/** The rate is that of the last few seconds, not of the whole run. Milliseconds. */
const RATE_WINDOW = 5000;
const MAX_RUNNING_SHOWN = 3;

export class Progress implements Log {
  readonly #stream: WriteStream | NodeJS.WritableStream;
  readonly #isLive: boolean;
  #timer: NodeJS.Timeout | undefined;
  #tally: Tally | undefined;
  #samples: { readonly at: number; readonly bytes: number }[] = [];
  #shown = '';
  #lines = 0;

  /** @param stream where people look: standard error, so that standard output stays for machines */
  constructor(stream: WriteStream | NodeJS.WritableStream) {
    this.#stream = stream;
    this.#isLive = 'isTTY' in stream && stream.isTTY && process.env['TERM'] !== 'dumb';
  }

  start(tally: Tally): void {
    this.#tally = tally;
    this.#timer = setInterval(() => this.#show(), this.#isLive ? LIVE_EVERY : PLAIN_EVERY);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#erase();
    this.#tally = undefined;
  }

  info(message: string): void {
    this.#line(message);
  }

  warn(message: string): void {
    this.#line(`${styleFor(this.#stream).bad('warning:')} ${message}`);
  }

  #line(text: string): void {
    this.#erase();
    this.#stream.write(`${text}\n`);
  }

  #show(): void {
    if (this.#tally === undefined) return;
    const lines = this.#view(this.#tally);
    if (!this.#isLive) {
      const [line = ''] = lines;
      if (line !== this.#shown) this.#stream.write(`${line}\n`);
      this.#shown = line;
      return;
    }
    const columns = 'columns' in this.#stream ? this.#stream.columns : 80;
    this.#erase();
    this.#stream.write(lines.map((line) => `${line.slice(0, columns - 1)}\n`).join(''));
    this.#lines = lines.length;
  }

  #erase(): void {
    if (this.#lines > 0) this.#stream.write(`\u001B[${this.#lines}F\u001B[J`);
    this.#lines = 0;
  }

  #view(tally: Tally): string[] {
    const { planned, finished, bytes, bytesPlanned, running } = tally;
    const parts = [
      `${finished} of ${planned} images`,
      ...(bytesPlanned > 0 ? [`${formatBytes(bytes)} of ${formatBytes(bytesPlanned)}`] : []),
      ...(bytes > 0 ? [`${formatBytes(this.#rate(bytes))}/s`] : []),
      ...(this.#isLive ? [] : [`${running.size} blobs running`]),
    ];
    const blobs = [...running].toSorted((a, b) => b.size - a.size).slice(0, MAX_RUNNING_SHOWN);
    return [
      parts.join(' · '),
      ...blobs.map(
        ({ label, size, done }) =>
          `  ${label.slice(0, 19)}  ${formatBytes(done)} of ${formatBytes(size)}${size > 0 ? ` (${Math.floor((100 * done) / size)} %)` : ''}`,
      ),
    ];
  }

  /** Bytes a second. */
  #rate(bytes: number): number {
    const at = Date.now();
    this.#samples.push({ at, bytes });
    this.#samples = this.#samples.filter((sample) => at - sample.at <= RATE_WINDOW);
    const [first] = this.#samples;
    return first === undefined || first.at === at ? 0 : (1000 * (bytes - first.bytes)) / (at - first.at);
  }
}
