/** The link between a tool and a server. It counts the requests and the bytes, and delays each request. */
import { setFlagsFromString } from 'node:v8';
import { startCountingProxy, type CountingProxy, type Hook } from '../../test/support/counting-proxy.ts';

/** Latency and bandwidth of the servers. */
export interface Distance {
  /** Milliseconds added to each request. */
  readonly latency: number;
  /** Bandwidth of one connection to the source. Unlimited by default. */
  readonly bytesPerSecond?: number;
}

export interface Link {
  readonly proxy: CountingProxy;
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  /** From the next request on. */
  move(distance: Distance): void;
  /** When the server has done a request, before the tool is told. */
  watch(after: Hook | undefined): void;
}

export async function startLink(target: string): Promise<Link> {
  // Buffers that pass lie outside of the heap and would trigger garbage collection again and again. That took a fifth of the proxies' time.
  setFlagsFromString('--no-incremental-marking');
  const now: { distance: Distance; after: Hook | undefined } = { distance: { latency: 0 }, after: undefined };
  const proxy = await startCountingProxy({
    target,
    get latency() {
      return now.distance.latency;
    },
    get bytesPerSecond() {
      return now.distance.bytesPerSecond;
    },
    after: (request) => now.after?.(request),
  });
  return {
    proxy,
    host: new URL(proxy.url).host,
    move: (distance) => {
      now.distance = distance;
    },
    watch: (after) => {
      now.after = after;
    },
  };
}
