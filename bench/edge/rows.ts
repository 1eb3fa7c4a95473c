/** Makes the rows of the table: each measurement beside its goal, in words and figures. */
import type { Spread } from '../statistics.ts';
import type { Row } from '../table.ts';
import type { AtOnce } from './at-once.ts';
import type { Bundle } from './bundle.ts';
import type { Cold, ColdKind } from './cold.ts';
import type { Memory, MemoryOptions } from './memory.ts';
import type { ReadGroup } from './reads.ts';
import type { Warm } from './warm.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The edge should reach this share of the bare Worker's rate. */
const LEAST_RATIO = 0.75;
/** The most that a page may cost, because it is made anew for each request. */
const MOST_PAGE_MICROS = 5000;
const MOST_GZIP_BYTES = 60 * KIB;
const MOST_GROWTH_BYTES = 128 * MIB;
const MOST_GROWTH_AT_ONCE_BYTES = 100_000_000;

const COLD_NAMES = {
  manifests: 'manifest by digest',
  tags: 'manifest by tag',
  blobs: 'blob redirect',
} as const satisfies Record<ColdKind, string>;

export function warmRow(what: string, { ratio, cpuRatio, ours, bare }: Warm): Row {
  const rates = `${rate(ours.rate)} of ${rate(bare.rate)} requests/s`;
  const p99 = `p99 ${milliseconds(ours.p99Ms)} (bare ${milliseconds(bare.p99Ms)})`;
  const cpu = `CPU ${micros(ours.cpuMicros)} (bare ${micros(bare.cpuMicros)}): ${cpuRatio.median.toFixed(2)}`;
  return {
    what: `warm ${what}`,
    goal: `≥ ${LEAST_RATIO} of bare`,
    measured: `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)} to ${ratio.most.toFixed(2)})`,
    met: ratio.median >= LEAST_RATIO,
    note: [rates, p99, cpu].join('; '),
  };
}

export function pageRow(what: string, { ours }: Warm): Row {
  const { median, least, most } = ours.cpuMicros;
  return {
    what: `warm ${what}`,
    goal: `≤ ${MOST_PAGE_MICROS} µs of CPU`,
    measured: micros(ours.cpuMicros),
    met: median <= MOST_PAGE_MICROS,
    note: `${Math.round(least)} to ${Math.round(most)}; ${rate(ours.rate)} requests/s; p99 ${milliseconds(ours.p99Ms)}`,
  };
}

export function coldRows(cold: Record<ColdKind, Cold>): Row[] {
  return (['manifests', 'tags', 'blobs'] as const).map((kind) => ({
    what: `cold ${COLD_NAMES[kind]}`,
    goal: '',
    measured: `${rate(cold[kind].rate)} requests/s`,
    note: `${Math.round(cold[kind].rate.least)} to ${Math.round(cold[kind].rate.most)}; p99 ${milliseconds(cold[kind].p99Ms)}`,
  }));
}

export function readRows(groups: readonly ReadGroup[]): Row[] {
  return groups.map(({ state, goal, measured }) => {
    const counts = new Set(measured.map(({ reads }) => reads));
    return {
      what: `reads of the store, ${state}`,
      goal: goal === 0 ? '0' : `${goal} each`,
      measured: [...counts].join(', '),
      met: measured.every(({ reads }) => reads === goal),
      binding: true,
      note: measured.map(({ what, reads }) => (reads === goal ? what : `${what}: ${reads}`)).join(', '),
    };
  });
}

export function bundleRows(bundle: Bundle, startup: Spread): Row[] {
  return [
    {
      what: 'bundle, minified and gzipped',
      goal: `≤ ${MOST_GZIP_BYTES / KIB} KiB`,
      measured: `${(bundle.gzipBytes / KIB).toFixed(1)} KiB`,
      met: bundle.gzipBytes <= MOST_GZIP_BYTES,
      binding: true,
      note: `${(bundle.bytes / KIB).toFixed(1)} KiB before gzip`,
    },
    {
      what: 'start-up CPU',
      goal: '',
      measured: milliseconds(startup),
      note: `${startup.least.toFixed(1)} to ${startup.most.toFixed(1)} ms; active time that wrangler check startup samples`,
    },
  ];
}

export function memoryRow(memory: Memory, options: Pick<MemoryOptions, 'clients' | 'readBytes'>): Row {
  const growth = memory.peakBytes - memory.beforeBytes;
  return {
    what: `growth of workerd, ${options.clients} clients stream 1 GiB`,
    goal: `< ${MOST_GROWTH_BYTES / MIB} MiB`,
    measured: `${(growth / MIB).toFixed(0)} MiB`,
    met: growth < MOST_GROWTH_BYTES,
    binding: true,
    note:
      `VmHWM ${(memory.peakBytes / MIB).toFixed(0)} − VmRSS before ${(memory.beforeBytes / MIB).toFixed(0)} MiB; ` +
      `each reads ${options.readBytes / MIB} MiB and stops; ${memory.seconds.toFixed(1)} s`,
  };
}

/** @param expected the number of clients, and the number of objects of the store that they request */
export function atOnceRows(
  content: string,
  { reads, objects, growth, seconds }: AtOnce,
  expected: { readonly clients: number; readonly objects: number },
): Row[] {
  const what = `${expected.clients} clients, ${content}, cold at once`;
  return [
    {
      what: `${what}: reads per object`,
      goal: '1',
      measured: String(reads),
      met: reads === 1 && objects === expected.objects,
      binding: true,
      note: `${objects} objects; ${seconds.toFixed(1)} s`,
    },
    {
      what: `${what}: growth of workerd`,
      goal: `< ${MOST_GROWTH_AT_ONCE_BYTES / 1e6} MB`,
      measured: `${(growth / 1e6).toFixed(0)} MB`,
      met: growth < MOST_GROWTH_AT_ONCE_BYTES,
      binding: true,
    },
  ];
}

function rate({ median }: Spread): string {
  return Math.round(median).toLocaleString('en');
}

function milliseconds({ median }: Spread): string {
  return `${median.toFixed(1)} ms`;
}

function micros({ median }: Spread): string {
  return `${median.toFixed(0)} µs`;
}
