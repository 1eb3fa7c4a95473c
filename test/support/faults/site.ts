/** The servers of one pull, at an address of their own: the upstream, two stores and the edge, with one fault. */
import { serveOwnEdge, type OwnEdge } from '../own-edge.ts';
import { startCountingProxy, type CountingProxy, type ProxiedRequest } from '../counting-proxy.ts';
import type { Certificate } from '../certificate.ts';
import type { S3Server } from '../s3-server.ts';
import { pause } from '../process.ts';
import { isOfClient, type Behaviour } from './faults.ts';
import type { FaultImage } from './images.ts';
import type { PullerName } from './puller.ts';
import { EDGE_PORT, STORE_PORTS, UPSTREAM_PORT, addressOf, type Row } from './rows.ts';

export interface Servers {
  /** The address of the registry behind every upstream. */
  readonly registry: string;
  readonly stores: readonly [S3Server, S3Server];
  /** Has all that both stores had before any damage, and takes the same keys. */
  readonly whole: S3Server;
  /** The folder of the bundled edge. */
  readonly bundle: string;
  readonly certificate: Certificate;
}

export interface Site {
  readonly upstreamRequests: readonly ProxiedRequest[];
  /** The requests to each store, by clients and by the edge, since the last call of `forget`. */
  readonly storeRequests: readonly (readonly ProxiedRequest[])[];
  forget(): void;
  /** Ends the fault: both stores are whole again. An upstream or an edge without a program stays away. */
  mend(): Promise<void>;
  stop(): Promise<void>;
}

/** The edge is down for this long when it restarts: longer than podman waits before it tries again. */
const RESTART_MS = 3000;

/** Starts them as they are on a good day, asks the edge once, and then lets the fault begin. */
export async function startSite(
  servers: Servers,
  row: Row,
  puller: PullerName,
  image: FaultImage,
): Promise<Site> {
  const { fault } = row;
  const host = addressOf(row, puller);
  const state = { isFaulty: false };
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const each of stops.toReversed()) await each();
  };
  const proxy = async (target: string, port: number, behaviour: Behaviour, certificate?: Certificate) => {
    const { before, spoil, latency, bytesPerSecond } = behaviour;
    const started = await startCountingProxy({
      target,
      host,
      port,
      ...(certificate !== undefined && { certificate }),
      before: async (request) => (state.isFaulty ? before?.(request) : undefined),
      spoil: (request) => (state.isFaulty ? spoil?.(request) : undefined),
      get latency() {
        return state.isFaulty ? (latency ?? 0) : 0;
      },
      get bytesPerSecond() {
        return state.isFaulty ? bytesPerSecond : undefined;
      },
    });
    stops.push(async () => started.stop());
    return started;
  };
  try {
    const { upstream, store1 } = fault;
    const upstreamProxy =
      typeof upstream === 'string'
        ? undefined
        : await proxy(servers.registry, UPSTREAM_PORT, upstream?.(image) ?? {}, servers.certificate);
    const behaviour1 = typeof store1 === 'function' ? store1(image) : {};
    const restart = new Restart(row, image);
    const stores: CountingProxy[] = [];
    for (const [index, server] of servers.stores.entries()) {
      const behaviour = index === 0 ? behaviour1 : {};
      const watched = fault.edge === 'restarts' ? restart.watch(behaviour) : behaviour;
      stores.push(await proxy(server.endpoint, STORE_PORTS[index] ?? 0, watched));
    }
    if (fault.edge === undefined || fault.edge === 'restarts') {
      const variables = {
        ...storeVariables('S3_', servers.stores[0], stores[0]?.url),
        ...storeVariables('S3_2_', servers.stores[1], stores[1]?.url),
      };
      const start = async () => serveOwnEdge(servers.bundle, variables, `${host}:${EDGE_PORT}`);
      restart.edge = await start();
      restart.start = start;
      stops.push(async () => restart.stop());
      await expectLive(restart.edge);
    }
    if (fault.store1 === 'gone') await stores[0]?.stop();
    if (fault.store2 === 'gone') await stores[1]?.stop();
    for (const each of stores) each.reset();
    state.isFaulty = true;
    return {
      upstreamRequests: upstreamProxy?.requests ?? [],
      get storeRequests() {
        return stores.map(({ requests }) => requests);
      },
      forget: () => {
        for (const each of stores) each.reset();
      },
      mend: async () => {
        state.isFaulty = false;
        await restart.done();
        for (const [index, each] of stores.entries()) {
          await each.stop();
          stores[index] = await proxy(servers.whole.endpoint, STORE_PORTS[index] ?? 0, {});
        }
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function storeVariables(
  prefix: string,
  server: S3Server,
  endpoint: string | undefined,
): Readonly<Record<string, string>> {
  return {
    [`${prefix}ENDPOINT`]: endpoint ?? server.endpoint,
    [`${prefix}BUCKET`]: server.bucket,
    [`${prefix}REGION`]: server.region,
    [`${prefix}ACCESS_KEY_ID`]: server.accessKeyId,
    [`${prefix}SECRET_ACCESS_KEY`]: server.secretAccessKey,
  };
}

async function expectLive({ url }: OwnEdge): Promise<void> {
  const { status } = await fetch(`${url}/v2/`, { signal: AbortSignal.timeout(20_000) });
  if (status !== 200) throw new Error(`The edge answered ${status} before any fault.`);
}

/** Kills the edge when it looks up the large layer for a client, and starts it again. */
class Restart {
  edge: OwnEdge | undefined;
  start: (() => Promise<OwnEdge>) | undefined;
  #again: Promise<void> | undefined;
  readonly #key: string;

  constructor({ upstream, repository }: Row, { largeLayer }: FaultImage) {
    this.#key = `${upstream}/${repository}/_blobs/${largeLayer.replace(':', '/')}`;
  }

  watch(behaviour: Behaviour): Behaviour {
    return {
      ...behaviour,
      before: async (request) => {
        if (this.#again !== undefined || isOfClient(request) || !request.path.endsWith(this.#key)) return;
        this.edge?.program.kill('SIGKILL');
        this.#again = this.#startAgain();
        await this.edge?.program.exited;
      },
    };
  }

  async #startAgain(): Promise<void> {
    await pause(RESTART_MS);
    this.edge = await this.start?.();
  }

  /** Waits until the edge is back, if it was killed. */
  async done(): Promise<void> {
    await this.#again;
  }

  async stop(): Promise<void> {
    await this.done();
    await this.edge?.stop();
  }
}
