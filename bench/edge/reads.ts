/** Counts the reads of the store for one request. A proxy in front of the store counts them. */
import type { CountingProxy } from '../../test/support/counting-proxy.ts';
import { pause } from '../../test/support/process.ts';
import type { Paths } from './content.ts';
import { CLIENT_HEADERS } from './load.ts';
import type { RunningWorker } from './workerd.ts';

export interface ReadGroup {
  readonly state: string;
  /** The number of reads that each answer should take. */
  readonly goal: number;
  readonly measured: readonly { readonly what: string; readonly reads: number }[];
}

interface Probe {
  readonly what: string;
  readonly path: string;
  readonly method?: 'HEAD';
  readonly status: number;
}

/** @param start starts an edge with these variables, whose store is the proxy */
export async function countReads(
  start: (variables: Readonly<Record<string, string>>) => Promise<RunningWorker>,
  proxy: CountingProxy,
  paths: Paths,
): Promise<readonly ReadGroup[]> {
  const probes = probesOf(paths);
  const streamed: Probe = { what: 'blob', path: paths.smallBlob, status: 200 };
  const groups: ReadGroup[] = [];
  // The hour prevents that a slow machine turns a warm answer into one with a health read.
  await withEdge(start, { STORE_FRESH: '1h' }, async (edge) => {
    await count(edge, proxy, { what: 'ping', path: '/v2/', status: 200 });
    groups.push(await countAll(edge, proxy, 'cold', 1, probes));
    groups.push(await countAll(edge, proxy, 'cold and streamed', 2, [streamed]));
    groups.push(await countAll(edge, proxy, 'warm', 0, probes));
  });
  await withEdge(start, { STORE_FRESH: '1s' }, async (edge) => {
    const redirect = probes.filter(({ what }) => what === 'blob, redirected');
    for (const probe of redirect) await count(edge, proxy, probe);
    await pause(1100);
    groups.push(await countAll(edge, proxy, 'warm, store not heard for STORE_FRESH', 1, redirect));
  });
  return groups;
}

/** Returns the requests to count. No two of them are answered from the same object. */
function probesOf(paths: Paths): readonly Probe[] {
  const [manifest = ''] = paths.manifests;
  const [, tag = ''] = paths.tags;
  const [redirected = '', headed = ''] = paths.blobs;
  return [
    { what: 'manifest by digest', path: manifest, status: 200 },
    { what: 'manifest by tag', path: tag, status: 200 },
    { what: 'tags page', path: paths.tagList, status: 200 },
    { what: 'referrers', path: paths.referrers, status: 200 },
    { what: 'blob, HEAD', path: headed, method: 'HEAD', status: 200 },
    { what: 'blob, redirected', path: redirected, status: 307 },
  ];
}

async function countAll(
  edge: RunningWorker,
  proxy: CountingProxy,
  state: string,
  goal: number,
  probes: readonly Probe[],
): Promise<ReadGroup> {
  const measured: { what: string; reads: number }[] = [];
  for (const probe of probes) measured.push({ what: probe.what, reads: await count(edge, proxy, probe) });
  return { state, goal, measured };
}

/** @throws if the answer has another status, because a refusal reads nothing either */
async function count(edge: RunningWorker, proxy: CountingProxy, probe: Probe): Promise<number> {
  proxy.reset();
  const response = await fetch(`${edge.url}${probe.path}`, {
    method: probe.method ?? 'GET',
    headers: CLIENT_HEADERS,
    redirect: 'manual',
    signal: AbortSignal.timeout(20_000),
  });
  await response.arrayBuffer();
  if (response.status !== probe.status) {
    throw new Error(`${probe.path} is ${response.status}, not ${probe.status}.`);
  }
  // The wait is for reads in the background, which count too.
  await pause(50);
  return proxy.requests.length;
}

async function withEdge(
  start: (variables: Readonly<Record<string, string>>) => Promise<RunningWorker>,
  variables: Readonly<Record<string, string>>,
  run: (edge: RunningWorker) => Promise<void>,
): Promise<void> {
  const edge = await start(variables);
  try {
    await run(edge);
  } finally {
    await edge.stop();
  }
}
