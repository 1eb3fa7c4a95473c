/** What a run is doing, as lines for people. */
import type { Running, Tally } from '../engine/tally.ts';
import { alignColumns, formatBytes, shortenDigests } from './style.ts';

const MAX_RUNNING_SHOWN = 4;

/** How far the run is: images, bytes, and bytes a second. */
export function headline({ planned, finished, bytes, bytesPlanned }: Tally, rate: number): string {
  return [
    `${finished} of ${planned} images`,
    ...(bytesPlanned > 0
      ? [`${formatBytes(bytes)} of ${formatBytes(bytesPlanned)}`, `${formatBytes(rate)}/s`]
      : []),
  ].join(' · ');
}

/** A line a blob, in the order in which they began, so that a line stays where it is. */
export function runningLines(blobs: readonly Running[]): string[] {
  const rows = blobs
    .slice(0, MAX_RUNNING_SHOWN)
    .map(({ label, size, done }) => [
      `${Math.floor((100 * done) / Math.max(size, 1))} %`.padStart(7),
      `of ${formatBytes(size)}`,
      shortenDigests(label),
    ]);
  const more = blobs.length - rows.length;
  return [...alignColumns(rows), ...(more > 0 ? [`    and ${more} more`] : [])];
}

/** The rate of the last few seconds: one over the whole run would tell nothing of now. */
export class Rate {
  static readonly #WINDOW = 5000;
  #samples: { readonly at: number; readonly bytes: number }[] = [];

  /** @param at milliseconds; @returns bytes a second, up to now */
  sample(at: number, bytes: number): number {
    this.#samples = [...this.#samples.filter((one) => at - one.at <= Rate.#WINDOW), { at, bytes }];
    const [first] = this.#samples;
    return first === undefined || first.at === at ? 0 : (1000 * (bytes - first.bytes)) / (at - first.at);
  }
}
