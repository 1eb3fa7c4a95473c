/** Shows the state of a run in lines for people. */
import { printable } from '../../core/printable.ts';
import type { Running, Tally } from '../engine/tally.ts';
import { alignColumns, formatBytes, formatDuration, shortenDigests } from './style.ts';

const MAX_RUNNING_SHOWN = 4;

const BAR_WIDTH = 10;

/** Stands for the end of a line that is too long. */
const CUT = '…';

/** Shows the progress of the whole run, as far as its size is known: `███░░░░░░░  29 %`. */
export function overallBar(tally: Tally): string {
  const full = Math.floor(shareDone(tally) * BAR_WIDTH);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)} ${percentDone(tally).padStart(5)}`;
}

/** `29 %` */
export function percentDone(tally: Tally): string {
  return `${Math.floor(100 * shareDone(tally))} %`;
}

/**
 * The share of the bytes that are known to be needed, because tags differ by a thousand times in what they cost. Where there is
 * nothing to copy, the share of the images. It is whole at the end alone: later images may need more bytes.
 */
function shareDone({ counts }: Tally): number {
  const { planned, finished, bytes, bytesPlanned } = counts;
  const share = bytesPlanned === 0 ? shareOf(finished, planned) : shareOf(bytes, bytesPlanned);
  return finished < planned ? Math.min(share, 0.99) : share;
}

/** The share is at most 1. Bytes that are read again count again, so the sum may be larger than the whole. */
function shareOf(done: number, all: number): number {
  return all === 0 ? 0 : Math.min(done / all, 1);
}

/**
 * Shows the progress of the run: images, the time that the rest of the planned bytes will take, these bytes, and bytes
 * per second.
 */
export function headline({ counts }: Tally, rate: number): string {
  const { planned, finished, bytes, bytesPlanned } = counts;
  const left = bytesPlanned - bytes;
  return [
    `${finished} of ${planned} images`,
    ...(rate > 0 && left > 0 ? [`${formatWait((1000 * left) / rate)} left`] : []),
    ...(bytesPlanned > 0
      ? [`${formatBytes(bytes)} of ${formatBytes(bytesPlanned)}`, `${formatBytes(rate)}/s`]
      : []),
  ].join(' · ');
}

/** Shortens the first line to so many columns. It ends after a whole part, or at least a whole word, and with a mark. */
export function fitHeadline(line: string, width: number): string {
  if (line.length <= width) return line;
  const room = width - CUT.length - 1;
  const part = line.lastIndexOf(' · ', room);
  const end = part === -1 ? line.lastIndexOf(' ', room) : part;
  return `${line.slice(0, Math.max(end, 0)).trimEnd()} ${CUT}`.slice(0, Math.max(width, 0));
}

/** Shortens the line of a blob, whose name stands at its end, to so many columns. */
export function fitRunning(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(width - CUT.length, 0))}${CUT}`;
}

/** The wait is rounded to seconds, because an estimate is no finer. */
function formatWait(milliseconds: number): string {
  return milliseconds < 60_000 ? `${Math.ceil(milliseconds / 1000)} s` : formatDuration(milliseconds);
}

/** Returns one line per blob, in the order in which they began, so that each line stays in its place. */
export function runningLines(blobs: readonly Running[]): string[] {
  const rows = blobs
    .slice(0, MAX_RUNNING_SHOWN)
    .map(({ label, size, done }) => [
      `${Math.floor((100 * done) / Math.max(size, 1))} %`.padStart(7),
      `of ${formatBytes(size)}`,
      shortenDigests(printable(label)),
    ]);
  const more = blobs.length - rows.length;
  return [...alignColumns(rows), ...(more > 0 ? [`    and ${more} more`] : [])];
}

/**
 * Measures the rate of the last few seconds, because the rate over the whole run would say nothing about now. If
 * samples are further apart than that, the rate is the one since the last sample.
 */
export class Rate {
  static readonly #WINDOW_MS = 5000;
  #samples: { readonly at: number; readonly bytes: number }[] = [];

  /** @param at in milliseconds; @returns bytes per second, up to `at` */
  sample(at: number, bytes: number): number {
    const begin = this.#samples.findLastIndex((one) => at - one.at >= Rate.#WINDOW_MS);
    this.#samples = [...this.#samples.slice(Math.max(begin, 0)), { at, bytes }];
    const [first] = this.#samples;
    return first === undefined || first.at === at ? 0 : (1000 * (bytes - first.bytes)) / (at - first.at);
  }
}
