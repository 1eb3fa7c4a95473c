/**
 * Shows a run while it goes on: on a terminal by lines that renew themselves, elsewhere by a plain line now and then.
 */
import { brief, printable } from '../../core/printable.ts';
import { countOf } from '../engine/support/count-of.ts';
import type { Log } from '../engine/runtime.ts';
import type { Running, Tally } from '../engine/tally.ts';
import type { Output, Session } from './io.ts';
import { styleFor, type Style } from './style.ts';
import { Rate, fitHeadline, fitRunning, headline, overallBar, percentDone, runningLines } from './view.ts';

/** The time between two views on a terminal, and between two plain lines elsewhere. */
const LIVE_EVERY_MS = 250;
const PLAIN_EVERY_MS = 10_000;

export class Progress implements Log {
  readonly #output: Output;
  readonly #isLive: boolean;
  readonly #isQuiet: boolean;
  readonly #rate = new Rate();
  #timer: NodeJS.Timeout | undefined;
  /** The lines on the terminal, or the last plain line. */
  #shown: readonly string[] = [];
  #running: ReadonlySet<Running> = new Set();

  readonly #commandLine: Session['commandLine'];
  readonly #style: Style;

  /**
   * Writes to standard error, because standard output is for results.
   * @param options.quiet only warnings and failures are written
   */
  constructor(
    { stderr, env, commandLine }: Pick<Session, 'stderr' | 'env' | 'commandLine'>,
    { quiet = false }: { readonly quiet?: boolean } = {},
  ) {
    this.#isQuiet = quiet;
    this.#output = stderr;
    this.#commandLine = commandLine;
    this.#style = styleFor(stderr, env);
    this.#isLive = stderr.isTTY === true && env['TERM'] !== 'dumb';
  }

  start(tally: Tally): void {
    if (this.#isQuiet) return;
    // The first sample is taken now, because without it the first line would have no rate.
    this.#rate.sample(Date.now(), tally.counts.bytes);
    this.#timer = setInterval(
      () => (this.#isLive ? this.#renew(tally) : this.#tell(tally)),
      this.#isLive ? LIVE_EVERY_MS : PLAIN_EVERY_MS,
    );
    this.#timer.unref();
  }

  /** Removes the view. */
  stop(): void {
    clearInterval(this.#timer);
    if (this.#isLive) this.#output.write(this.#erasure());
    this.#shown = [];
  }

  info(message: string): void {
    if (!this.#isQuiet) this.#say('', message);
  }

  warn(message: string): void {
    this.#say(`${this.#style.bad('warning:')} `, message);
  }

  /** Reports something that could not be done, and the reason. */
  fail(message: string): void {
    this.#say(`${this.#style.bad('failed')} `, message);
  }

  /** Prints one line above the view, and then the view again. The message stays one line, whatever it quotes. */
  #say(start: string, message: string): void {
    const complete = `${start}${this.#commandLine.complete(printable(brief(message)))}`;
    const view = this.#isLive ? this.#shown.map((line) => `${line}\n`).join('') : '';
    this.#output.write(`${this.#isLive ? this.#erasure() : ''}${complete}\n${view}`);
  }

  #tell(tally: Tally): void {
    const { size } = tally.running;
    const rate = this.#rate.sample(Date.now(), tally.counts.bytes);
    const line = `${percentDone(tally)} · ${headline(tally, rate)}`;
    const text = size > 0 ? `${line} · ${countOf(size, 'blob')} running` : line;
    if (text !== this.#shown[0]) this.#output.write(`${text}\n`);
    this.#shown = [text];
  }

  #renew(tally: Tally): void {
    const { columns = 80, rows = 24 } = this.#output;
    // A blob that is done before its line can be read would only make the view jump.
    const lasting = [...tally.running].filter((blob) => this.#running.has(blob));
    this.#running = new Set(tally.running);
    const rate = this.#rate.sample(Date.now(), tally.counts.bytes);
    const width = Math.max(columns - 1, 1);
    const lines = [
      fitHeadline(`${overallBar(tally)}  ${headline(tally, rate)}`, width),
      ...runningLines(lasting).map((line) => fitRunning(line, width)),
    ].slice(0, Math.max(rows - 1, 1));
    if (lines.join('\n') === this.#shown.join('\n')) return;
    this.#output.write(`${this.#erasure()}${lines.map((line) => `${line}\n`).join('')}`);
    this.#shown = lines;
  }

  /**
   * Moves the cursor back to where the view begins. A terminal that became narrower has broken the view's lines in two.
   */
  #erasure(): string {
    const { columns = 80 } = this.#output;
    const height = this.#shown.reduce((sum, line) => sum + Math.ceil(line.length / Math.max(columns, 1)), 0);
    return height === 0 ? '' : `\u001B[${height}F\u001B[J`;
  }
}
