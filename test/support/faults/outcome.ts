/** The outcome of a pull: the servers that gave it, decided by what they sent, and the time. */
import type { ProxiedRequest } from '../counting-proxy.ts';
import { isOfClient } from './faults.ts';
import type { FaultImage } from './images.ts';
import type { Site } from './site.ts';

/** One attempt, as the table says it: `store 2, < 10 s`. */
export interface Attempt {
  /**
   * `store 1`, `store 2`, `upstream`, `mirror and upstream`, `fails`, `no end`, and after the fault `well`. Later attempts have
   * their name before it: `again: `, `mended: `.
   */
  readonly end: string;
  /** Empty if it took less than 3 s, or has no end. */
  readonly time: string;
}

interface TimeClass {
  readonly name: string;
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

const TIMES: readonly TimeClass[] = [
  { name: '', fromSeconds: 0, toSeconds: 3 },
  { name: '< 10 s', fromSeconds: 3, toSeconds: 10 },
  { name: '≈ 20 s', fromSeconds: 10, toSeconds: 25 },
  { name: '≈ 30 s', fromSeconds: 25, toSeconds: 45 },
  { name: '≈ 1 min', fromSeconds: 45, toSeconds: 90 },
  { name: '≈ 2 min', fromSeconds: 90, toSeconds: Infinity },
];

/** A pull that takes longer is ended, and counts as one without an end. */
export const PATIENCE_SECONDS = 180;

export function timeOf(seconds: number): string {
  return TIMES.find(({ toSeconds }) => seconds < toSeconds)?.name ?? '';
}

/** Whether that many seconds can be an accepted time, on a machine that is slower, faster or busier. */
function isTime(name: string, seconds: number): boolean {
  const found = TIMES.find((one) => one.name === name);
  if (found === undefined) return false;
  return seconds >= found.fromSeconds / 2 && seconds < Math.max(found.toSeconds * 2, 10);
}

/** @returns the text of a cell */
export function textOf(attempts: readonly Attempt[]): string {
  return attempts.map(({ end, time }) => (time === '' ? end : `${end}, ${time}`)).join('; ');
}

/** Reads the text of a cell. */
function readAttempts(text: string): readonly Attempt[] {
  return text.split('; ').map((part) => {
    const [end = '', time = ''] = part.split(', ');
    return { end, time };
  });
}

/** @returns the servers that sent the image's content, for a pull that ended well */
export function senders(site: Site, image: FaultImage): string {
  const fromUpstream = site.upstreamRequests.filter(
    (request) => hasSent(request) && /\/(?:blobs|manifests)\//.test(request.path),
  );
  const stores = site.storeRequests.flatMap((requests, index) =>
    requests.some((request) => isLayerOfClient(request, image)) ? [`store ${index + 1}`] : [],
  );
  if (fromUpstream.length === 0) return stores.join(' and ');
  const parts = [image.image, image.config, image.smallLayer, image.largeLayer];
  const isAllFromUpstream =
    stores.length === 0 && parts.every((digest) => fromUpstream.some(({ path }) => path.endsWith(digest)));
  return isAllFromUpstream ? 'upstream' : 'mirror and upstream';
}

function isLayerOfClient(request: ProxiedRequest, { largeLayer }: FaultImage): boolean {
  return hasSent(request) && isOfClient(request) && request.path.endsWith(largeLayer.replace(':', '/'));
}

function hasSent({ method, status, received }: ProxiedRequest): boolean {
  return method === 'GET' && status >= 200 && status < 300 && received > 0;
}

/** Whether a pull ended as the cell says, and in a time that the cell allows. */
export function isAsWritten(
  cell: string,
  attempts: readonly (Attempt & { readonly seconds: number })[],
): boolean {
  const written = readAttempts(cell);
  return (
    written.length === attempts.length &&
    attempts.every(({ end, seconds }, index) => {
      const { end: writtenEnd, time = '' } = written[index] ?? {};
      return end === writtenEnd && (end.endsWith('no end') || isTime(time, seconds));
    })
  );
}
