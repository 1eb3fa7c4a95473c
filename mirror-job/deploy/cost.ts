/** Works out what a mirror costs a month. docs/costs.md shows how, and has the table that a test makes from this file. */
import { AWS, CLOUDFLARE } from './prices.ts';

/** The facts about a mirror that its cost depends on. */
export interface MirrorSize {
  /** Tags and pins. */
  readonly images: number;
  readonly repositories: number;
  readonly upstreams: number;
  readonly storedGb: number;
  readonly runsPerMonth: number;
  readonly pullsPerMonth: number;
  /** Whether the job is a Worker. */
  readonly hasJob: boolean;
  /** Whether each miss is sent to a queue. */
  readonly hasQueue: boolean;
  /** Whether blobs stream through the edge, because it has no key to sign addresses with. */
  readonly streamsBlobs: boolean;
}

/** The assumptions where nothing says it. Each is printed, or is in docs/costs.md. */
export const ASSUMED = {
  /** 100 nodes that pull 20 images a day. */
  pullsPerMonth: 60_000,
  /** 300 GB for 200 tags of two platforms, shared layers once. */
  gbPerImage: 1.5,
  /** The tags of an entry that are selected by a rule without `latest`. */
  imagesPerRule: 10,
  gbPerPull: 0.2,
  requestsPerPull: 12,
  blobsPerPull: 9,
  /** The tags that move a month, as a share of all. */
  movedShare: 0.5,
  writesPerMove: 120,
  writesPerRun: 10,
  /** Reads of a run beside one for each repository: 7, and the check of stored blobs. */
  readsPerRun: 137,
  jobCpuMsPerImage: 1.74,
  edgeCpuMsPerRequest: 1,
  cpuMsPerStreamedGb: 1000,
  missesPerMonth: 30_000,
  operationsPerMiss: 3,
  /** An hourly run. */
  runsPerMonth: 730,
  partBytes: 8 * 1024 * 1024,
} as const;

export interface CostLine {
  readonly what: string;
  readonly amount: number;
  readonly unit: string;
  readonly usd: number;
}

export interface Cost {
  /** At Cloudflare. */
  readonly lines: readonly CostLine[];
  readonly usdPerMonth: number;
  /** The writes of the first fill, once. */
  readonly usdOnce: number;
  /** The store and its traffic at AWS S3 instead, with the same Workers. */
  readonly aws: { readonly usdPerMonth: number; readonly trafficGb: number; readonly trafficUsd: number };
}

export function costOf(size: MirrorSize): Cost {
  const { images, repositories, upstreams, storedGb, runsPerMonth, pullsPerMonth } = size;
  const requests = pullsPerMonth * ASSUMED.requestsPerPull;
  const jobRequests = size.hasJob ? runsPerMonth * (1 + upstreams) : 0;
  const trafficGb = pullsPerMonth * ASSUMED.gbPerPull;
  const cpuMs =
    requests * ASSUMED.edgeCpuMsPerRequest +
    (size.streamsBlobs ? trafficGb * ASSUMED.cpuMsPerStreamedGb : 0) +
    (size.hasJob ? images * runsPerMonth * ASSUMED.jobCpuMsPerImage : 0);
  const reads =
    requests + pullsPerMonth * ASSUMED.blobsPerPull + runsPerMonth * (ASSUMED.readsPerRun + repositories);
  const writes = runsPerMonth * ASSUMED.writesPerRun + images * ASSUMED.movedShare * ASSUMED.writesPerMove;
  const operations = size.hasQueue ? ASSUMED.missesPerMonth * ASSUMED.operationsPerMiss : 0;
  const workers: readonly CostLine[] = [
    { what: 'Workers Paid plan', amount: 1, unit: 'plan', usd: CLOUDFLARE.paidPlan },
    metered('requests to Workers and Workflows', requests + jobRequests, '', CLOUDFLARE.request),
    metered('CPU of Workers and Workflows', cpuMs, 'ms', CLOUDFLARE.cpuMs),
    ...(size.hasQueue ? [metered('Queue operations', operations, '', CLOUDFLARE.queueOperation)] : []),
  ];
  const lines: readonly CostLine[] = [
    ...workers,
    { what: 'R2 storage', amount: storedGb, unit: 'GB', usd: storedGb * CLOUDFLARE.storedGb },
    { what: 'R2 reads (class B)', amount: reads, unit: '', usd: reads * CLOUDFLARE.read },
    { what: 'R2 writes (class A)', amount: writes, unit: '', usd: writes * CLOUDFLARE.write },
    { what: 'traffic', amount: trafficGb, unit: 'GB', usd: 0 },
  ];
  const trafficUsd = trafficAtAws(trafficGb);
  return {
    lines,
    usdPerMonth: sumOf(lines),
    usdOnce: ((storedGb * 1e9) / ASSUMED.partBytes) * 1.5 * CLOUDFLARE.write,
    aws: {
      usdPerMonth:
        sumOf(workers) + storedGb * AWS.storedGb + reads * AWS.read + writes * AWS.write + trafficUsd,
      trafficGb,
      trafficUsd,
    },
  };
}

function metered(
  what: string,
  amount: number,
  unit: string,
  { included, each }: { readonly included: number; readonly each: number },
): CostLine {
  return { what, amount, unit, usd: Math.max(0, amount - included) * each };
}

function sumOf(lines: readonly CostLine[]): number {
  return lines.reduce((sum, { usd }) => sum + usd, 0);
}

function trafficAtAws(gb: number): number {
  let [from, usd] = [0, 0];
  for (const { upToGb, each } of AWS.traffic) {
    usd += Math.max(0, Math.min(gb, upToGb) - from) * each;
    from = upToGb;
  }
  return usd;
}

/** How often a cron expression fires in a month of 730 hours. Days that it leaves out are counted too. */
export function firesPerMonth(cron: string): number {
  const [minutes = '*', hours = '*'] = cron.trim().split(/\s+/);
  return (countOfField(minutes, 60) * countOfField(hours, 24) * 730) / 24;
}

/** How many values of a cron field there are: `*`, a star with a step, `7`, `1-5`, `1-20/5`, and lists of these. */
function countOfField(field: string, size: number): number {
  return field.split(',').reduce((sum, part) => {
    const [range = '*', step] = part.split('/');
    const [first, last] = range.split('-').map(Number);
    const whole = range === '*' ? size : last === undefined || first === undefined ? 1 : last - first + 1;
    const count = step !== undefined && whole === 1 ? size - (first ?? 0) : whole;
    return sum + Math.ceil(count / Number(step ?? 1));
  }, 0);
}
