/** Ctrl-C and SIGTERM: the run is asked to stop, and made to where it does not. */
import type { Log } from '../engine/environment.ts';

/** Schedulers kill what is still there after ten seconds or more. Milliseconds. */
const GRACE = 8000;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export class Interruption implements Disposable {
  readonly #stop = new AbortController();
  readonly #log: Log;
  #deadline: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
    for (const name of SIGNALS) process.on(name, this.#onSignal);
  }

  /** Aborted when the run has to stop. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  [Symbol.dispose](): void {
    for (const name of SIGNALS) process.off(name, this.#onSignal);
    clearTimeout(this.#deadline);
  }

  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (this.#stop.signal.aborted) this.#exit('stopped at once.');
    this.#log.info(`${name}: stopping; what is half uploaded is aborted. Once more stops at once.`);
    this.#deadline = setTimeout(() => this.#exit('it did not stop by itself and was ended.'), GRACE);
    this.#deadline.unref();
    this.#stop.abort(new Error(`stopped by ${name}`));
  };

  /** The bucket is right at each moment; what is left of uploads is cleared by a later run. */
  #exit(how: string): never {
    this.#log.warn(`${how} The next run goes on from here.`);
    process.exit(1);
  }
}
