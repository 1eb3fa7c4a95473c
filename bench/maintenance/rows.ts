/** The goals of `npm run bench -- maintenance`. */
import type { Measured } from '../job/process-tree.ts';
import { spreadOf } from '../statistics.ts';
import type { Row } from '../table.ts';

const MB = 1e6;
const MAX_BYTES = 200 * MB;
/** A table of the digests of 100,000 blobs takes 7 MB. Ten times the objects may take this much more memory. */
const MAX_MORE_BYTES = 40 * MB;
/** Ten times the objects may take this many times as long: 10, and a tenth for what machines do. */
const MAX_GROWTH = 11;

/** The readings of one bucket, in rounds: those of one round stand at the same place. */
export interface Readings {
  readonly objects: number;
  readonly listing: readonly Measured[];
  readonly verify: readonly Measured[];
  readonly prune: readonly Measured[];
}

export interface DeepReadings {
  readonly hashing: readonly Measured[];
  readonly quick: readonly Measured[];
  readonly deep: readonly Measured[];
}

export function sizeRows({ objects, listing, verify, prune }: Readings): Row[] {
  return [
    { what: `${objects} objects: a bare listing`, goal: '', measured: seconds(medianOf(listing)) },
    timeRow(`${objects} objects: verify beside it`, verify, listing, 1.5),
    timeRow(`${objects} objects: prune's plan beside it`, prune, listing, 2),
    memoryRow(`${objects} objects: memory of verify`, verify),
    memoryRow(`${objects} objects: memory of prune`, prune),
  ];
}

/** @param sizes the smaller bucket, and the one with ten times as many objects */
export function growthRows(sizes: readonly Readings[]): Row[] {
  const [smaller, larger] = sizes;
  if (smaller === undefined || larger === undefined) return [];
  return (['verify', 'prune'] as const).flatMap((command): Row[] => {
    const times = medianOf(larger[command]) / medianOf(smaller[command]);
    const more = peakOf(larger[command]) - peakOf(smaller[command]);
    const ofListing = medianOf(larger.listing) / medianOf(smaller.listing);
    const what = `ten times the objects: ${command}`;
    return [
      {
        what: `${what}, time`,
        goal: `≤ ${MAX_GROWTH} ×`,
        measured: `${times.toFixed(1)} ×`,
        met: times <= MAX_GROWTH,
        note: `a bare listing: ${ofListing.toFixed(1)} ×`,
      },
      {
        what: `${what}, more memory`,
        goal: `< ${MAX_MORE_BYTES / MB} MB`,
        measured: megabytes(more),
        met: more < MAX_MORE_BYTES,
        binding: true,
      },
    ];
  });
}

/** The lists and small objects that a deep check reads as well do not count as hashing. */
export function deepRows({ hashing, quick, deep }: DeepReadings): Row[] {
  const shares = hashing.map((one, round) => {
    const own = (deep[round]?.seconds ?? Number.NaN) - (quick[round]?.seconds ?? Number.NaN);
    return one.seconds / own;
  });
  const { median, least, most } = spreadOf(shares);
  return [
    {
      what: 'verify --deep: rate beside a process that reads and hashes',
      goal: '≥ 0.8',
      measured: median.toFixed(2),
      met: median >= 0.8,
      note: `${least.toFixed(2)} to ${most.toFixed(2)}; ${seconds(medianOf(deep))} and ${seconds(medianOf(hashing))}`,
    },
    memoryRow('verify --deep: memory', deep),
  ];
}

function timeRow(what: string, own: readonly Measured[], bare: readonly Measured[], goal: number): Row {
  const ratios = own.map((one, round) => one.seconds / (bare[round]?.seconds ?? Number.NaN));
  const { median, least, most } = spreadOf(ratios);
  return {
    what,
    goal: `≤ ${goal} ×`,
    measured: `${median.toFixed(2)} ×`,
    met: median <= goal,
    note: `${least.toFixed(2)} to ${most.toFixed(2)}; ${seconds(medianOf(own))}`,
  };
}

function memoryRow(what: string, readings: readonly Measured[]): Row {
  const peak = peakOf(readings);
  return {
    what,
    goal: `< ${MAX_BYTES / MB} MB`,
    measured: megabytes(peak),
    met: peak < MAX_BYTES,
    binding: true,
  };
}

function medianOf(readings: readonly Measured[]): number {
  return spreadOf(readings.map((one) => one.seconds)).median;
}

function peakOf(readings: readonly Measured[]): number {
  return Math.max(...readings.map(({ peakBytes }) => peakBytes));
}

function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}

function megabytes(bytes: number): string {
  return `${(bytes / MB).toFixed(0)} MB`;
}
