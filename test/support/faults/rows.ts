/** The tables and rows of docs/faults.md, and the address of the servers of each pull. */
import { EDGE_FAULTS, NO_FAULT, STORE_FAULTS, UPSTREAM_FAULTS, type Fault } from './faults.ts';
import { PULLER_NAMES, type PullerName } from './puller.ts';

export type Order = 'mirror-first' | 'upstream-first';

export interface Table {
  readonly title: string;
  readonly order: Order;
  readonly by: 'digest' | 'tag';
  readonly faults: readonly Fault[];
}

/** Upstream is gone too: the day for which there is a mirror. */
function withoutUpstream(faults: readonly Fault[]): readonly Fault[] {
  return faults.map((fault) => ({ ...fault, upstream: 'gone' }));
}

/** A pull by tag differs in how it finds the manifest, and not in how it gets layers. */
function withoutLayers(faults: readonly Fault[]): readonly Fault[] {
  return faults.filter(({ isOfLayers }) => isOfLayers !== true);
}

export const TABLES: readonly Table[] = [
  {
    title: 'Mirror first, by digest',
    order: 'mirror-first',
    by: 'digest',
    faults: [NO_FAULT, ...UPSTREAM_FAULTS, ...STORE_FAULTS, ...EDGE_FAULTS],
  },
  {
    title: 'Mirror first, by digest, while upstream is gone',
    order: 'mirror-first',
    by: 'digest',
    faults: withoutUpstream(
      [...STORE_FAULTS, ...EDGE_FAULTS].filter(({ edge }) => edge !== 'gone' && edge !== 'silent'),
    ),
  },
  {
    title: 'Mirror first, by tag',
    order: 'mirror-first',
    by: 'tag',
    faults: withoutLayers([NO_FAULT, ...UPSTREAM_FAULTS, ...STORE_FAULTS, ...EDGE_FAULTS]),
  },
  {
    title: 'Upstream first, by digest',
    order: 'upstream-first',
    by: 'digest',
    faults: [NO_FAULT, ...UPSTREAM_FAULTS, ...EDGE_FAULTS],
  },
  {
    title: 'Upstream first, by tag',
    order: 'upstream-first',
    by: 'tag',
    faults: [NO_FAULT, ...UPSTREAM_FAULTS],
  },
];

export interface Row {
  readonly number: number;
  readonly table: Table;
  readonly fault: Fault;
  /** Its pulls wait for time limits of the clients. */
  readonly isSlow: boolean;
  /**
   * Each containerd has a daemon for this row alone: in containerd 2, pulls that wait hold the slots of all others, and the
   * collection of garbage removes what every pull has left.
   */
  readonly isAlone: boolean;
  /** The upstream's host name, and the repository in it. Each row has its own, because clients configure hosts. */
  readonly upstream: string;
  readonly repository: string;
}

export const ROWS: readonly Row[] = TABLES.flatMap((table) =>
  table.faults.map((fault) => ({ table, fault })),
).map(({ table, fault }, index) => ({
  number: index + 1,
  table,
  fault,
  isSlow: isSlow(table, fault),
  isAlone: isSlow(table, fault) || fault.leavesRemains === true,
  upstream: `row-${index + 1}.upstream.test`,
  repository: `row-${index + 1}`,
}));

/** A client that is content with the mirror never asks the upstream. */
function isSlow({ order }: Table, { isSlow: isWaiting, upstream, edge, store1 }: Fault): boolean {
  const isAsked = order === 'upstream-first' || upstream === undefined || (edge ?? store1) !== undefined;
  return isWaiting === true && isAsked;
}

/** The addresses of this run, all of which lead to this machine. Another run at the same time has others. */
const NETWORK = `127.${64 + (process.pid % 128)}`;

/** @returns an address that only this pull uses, so that a port that is closed stays closed */
export function addressOf({ number }: Row, puller: PullerName): string {
  return `${NETWORK}.${number}.${PULLER_NAMES.indexOf(puller) + 1}`;
}

export const SILENT_ADDRESS = `${NETWORK}.0.1`;
export const UPSTREAM_PORT = 443;
export const EDGE_PORT = 8080;
export const STORE_PORTS = [9001, 9002] as const;

export function upstreamAddressOf(row: Row, puller: PullerName): string {
  return row.fault.upstream === 'silent' ? SILENT_ADDRESS : addressOf(row, puller);
}

export function edgeHostOf(row: Row, puller: PullerName): string {
  const address = row.fault.edge === 'silent' ? SILENT_ADDRESS : addressOf(row, puller);
  return `${address}:${EDGE_PORT}`;
}
