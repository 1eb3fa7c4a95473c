/** Starts the link between a tool and a server. It counts the requests and the bytes, and delays each request. */
import { setFlagsFromString } from 'node:v8';
import { startCountingProxy, type CountingProxy, type Hook } from '../../test/support/counting-proxy.ts';

/** The latency and the bandwidth of a server. */
export interface Distance {
  /** The milliseconds that are added to each request. */
  readonly latency: number;
  /** The bandwidth of one connection to the source; unlimited by default. */
  readonly bytesPerSecond?: number;
}

export interface Link {
  readonly proxy: CountingProxy;
  /** The address `127.0.0.1:<port>`. */
  readonly host: string;
  /** Changes the distance from the next request on. */
  move(distance: Distance): void;
  /** Sets a hook that runs after the server has done a request, before the tool gets the answer. */
  watch(after: Hook | undefined): void;
}

export async function startLink(target: string): Promise<Link> {
  // The flag prevents garbage collections that the passing buffers, which lie outside of the heap, would trigger again
  // and again. They took a fifth of the proxies' time.
  setFlagsFromString('--no-incremental-marking');
  const current: { distance: Distance; after: Hook | undefined } = {
    distance: { latency: 0 },
    after: undefined,
  };
  const proxy = await startCountingProxy({
    target,
    get latency() {
      return current.distance.latency;
    },
    get bytesPerSecond() {
      return current.distance.bytesPerSecond;
    },
    after: (request) => current.after?.(request),
  });
  return {
    proxy,
    host: new URL(proxy.url).host,
    move: (distance) => {
      current.distance = distance;
    },
    watch: (after) => {
      current.after = after;
    },
  };
}
