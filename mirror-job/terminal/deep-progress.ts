/** Tells how far the hashing of blobs has come: a line now and then, with the rate and the time that is left. */
import type { Log } from '../engine/runtime.ts';
import { formatBytes, formatDuration } from './style.ts';

const EVERY_MS = 10_000;

export class DeepProgress {
  readonly #log: Pick<Log, 'info'>;
  readonly #now: () => number;
  readonly #store: string;
  readonly #begunMs: number;
  #toldMs: number;
  #bytes = 0;

  /** @param now milliseconds */
  constructor(log: Pick<Log, 'info'>, store: string, now: () => number = Date.now) {
    this.#log = log;
    this.#store = store;
    this.#now = now;
    this.#begunMs = now();
    this.#toldMs = this.#begunMs;
  }

  /** @param total the bytes that this run is going to hash */
  add(bytes: number, total: number): void {
    this.#bytes += bytes;
    const now = this.#now();
    if (now - this.#toldMs < EVERY_MS) return;
    this.#toldMs = now;
    const bytesPerMs = this.#bytes / (now - this.#begunMs);
    const left = formatDuration(Math.max(total - this.#bytes, 0) / bytesPerMs);
    const rate = `${formatBytes(bytesPerMs * 1000)}/s`;
    this.#log.info(
      `${this.#store}: ${formatBytes(this.#bytes)} of ${formatBytes(total)} hashed · ${rate} · ${left} left`,
    );
  }
}
