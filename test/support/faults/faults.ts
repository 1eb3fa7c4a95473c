/** The faults of the table, each as what the servers of one pull do. */
import { blobKey, manifestKey } from '../bucket-keys.ts';
import type { Hook, ProxiedRequest, ProxyOptions } from '../counting-proxy.ts';
import type { FaultImage } from './images.ts';

export type Behaviour = Pick<ProxyOptions, 'before' | 'spoil' | 'latency' | 'bytesPerSecond'>;

/** An object of a bucket that is replaced before the pull. */
export interface Damage {
  readonly stores: readonly (1 | 2)[];
  /** The key below the repository's own folder, or below the bucket's. */
  readonly key: (repositoryRoot: string) => string;
  /** @returns the bytes in its place; undefined for none */
  readonly bytes: Buffer | undefined;
}

export interface Fault {
  readonly title: string;
  /** `gone`: no program listens. `silent`: every packet is dropped. */
  readonly upstream?: 'gone' | 'silent' | ((image: FaultImage) => Behaviour);
  readonly store1?: 'gone' | ((image: FaultImage) => Behaviour);
  readonly store2?: 'gone';
  readonly edge?: 'gone' | 'silent' | 'restarts';
  readonly damage?: (image: FaultImage) => readonly Damage[];
  /** Clients that ask the server at fault wait for a time limit of theirs. */
  readonly isSlow?: true;
  /** A pull that fails leaves something in containerd that the next one meets. */
  readonly leavesRemains?: true;
  /** No manifest is concerned, and no tag. */
  readonly isOfLayers?: true;
}

const EXPIRED = '<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>';
const STATUS_BODY = '<Error><Code>TestError</Code></Error>';

/** The edge sends no User-Agent to its stores, and every client does. */
export function isOfClient({ headers }: ProxiedRequest): boolean {
  return headers['user-agent'] !== undefined;
}

function status(code: number, body = STATUS_BODY): Hook {
  return () => ({ status: code, body });
}

async function never(): Promise<void> {
  await new Promise(() => {});
}

/** Sends half of the large layer, and drops every later request. */
function diesInBlob({ largeLayer }: FaultImage): Behaviour {
  let isDead = false;
  const isBody = ({ method, path }: ProxiedRequest) => method === 'GET' && isOf(path, largeLayer);
  return {
    before: () => (isDead ? 'drop' : undefined),
    spoil: (request) => {
      if (!isBody(request) || !isOfClient(request) || request.status >= 300) return undefined;
      isDead = true;
      return firstHalf;
    },
  };
}

/** Changes the client's first download of the large layer, and no later one. */
function onceForLayer(behaviour: Pick<Behaviour, 'before' | 'spoil'>): (image: FaultImage) => Behaviour {
  return ({ largeLayer }) => {
    let isOver = false;
    const isFirst = (request: ProxiedRequest) =>
      !isOver && isOfClient(request) && isOf(request.path, largeLayer);
    const { before, spoil } = behaviour;
    return {
      before: (request) => {
        if (before === undefined || !isFirst(request)) return undefined;
        isOver = true;
        return before(request);
      },
      spoil: (request) => {
        if (spoil === undefined || !isFirst(request)) return undefined;
        isOver = true;
        return spoil(request);
      },
    };
  };
}

function forClients(hook: Hook): () => Behaviour {
  return () => ({ before: (request) => (isOfClient(request) ? hook(request) : undefined) });
}

function isOf(path: string, digest: string): boolean {
  return path.endsWith(digest) || path.endsWith(digest.replace(':', '/'));
}

function firstHalf(body: Buffer): Buffer {
  return body.subarray(0, Math.floor(body.length / 2));
}

function flipped(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  const middle = Math.floor(copy.length / 2);
  copy.writeUInt8(copy.readUInt8(middle) ^ 1, middle);
  return copy;
}

/** @returns the replacement of the large layer in those stores */
function layer(
  stores: Damage['stores'],
  change: (bytes: Buffer) => Buffer | undefined,
): (image: FaultImage) => readonly Damage[] {
  return ({ largeLayer, bytes }) => [
    { stores, key: () => blobKey(largeLayer), bytes: change(bytes.get(largeLayer) ?? Buffer.alloc(0)) },
  ];
}

function manifest(stores: Damage['stores']): (image: FaultImage) => readonly Damage[] {
  return ({ image, bytes }) => [
    { stores, key: (root) => manifestKey(root, image), bytes: flipped(bytes.get(image) ?? Buffer.alloc(0)) },
  ];
}

export const NO_FAULT: Fault = { title: 'nothing is wrong' };

export const UPSTREAM_FAULTS: readonly Fault[] = [
  { title: 'upstream is gone', upstream: 'gone' },
  { title: 'upstream drops every packet', upstream: 'silent', isSlow: true },
  { title: 'upstream accepts, and never answers', upstream: () => ({ before: never }), isSlow: true },
  { title: 'upstream answers 429', upstream: () => ({ before: status(429) }), isSlow: true },
  { title: 'upstream answers 500', upstream: () => ({ before: status(500) }) },
  { title: 'upstream dies in the middle of a layer', upstream: diesInBlob },
];

export const STORE_FAULTS: readonly Fault[] = [
  { title: 'store 1 is gone', store1: 'gone' },
  { title: 'store 1 accepts, and never answers', store1: () => ({ before: never }) },
  { title: 'store 1 answers 403', store1: () => ({ before: status(403) }) },
  { title: 'store 1 answers 500', store1: () => ({ before: status(500) }) },
  { title: 'store 1 takes 1 s to answer', store1: () => ({ latency: 1000, bytesPerSecond: 300_000 }) },
  { isOfLayers: true, title: 'store 1 has lost a layer', damage: layer([1], () => undefined) },
  {
    isOfLayers: true,
    title: 'store 1 has half of a layer',
    damage: layer([1], firstHalf),
    leavesRemains: true,
  },
  {
    isOfLayers: true,
    title: 'store 1 has a layer with a wrong bit',
    damage: layer([1], flipped),
    leavesRemains: true,
  },
  { title: 'store 1 has a manifest with a wrong bit', damage: manifest([1]) },
  { isOfLayers: true, title: 'store 1 dies in the middle of a layer', store1: diesInBlob },
  {
    isOfLayers: true,
    title: 'store 1 answers the edge, and clients get no connection',
    store1: forClients(() => 'drop'),
  },
  {
    isOfLayers: true,
    title: 'store 1 answers the edge, and never clients',
    store1: forClients(never),
    isSlow: true,
  },
  {
    isOfLayers: true,
    title: 'store 1 answers the edge, and clients get 403',
    store1: forClients(status(403)),
  },
  {
    isOfLayers: true,
    title: 'a layer breaks off in its middle, once',
    store1: onceForLayer({ spoil: () => firstHalf }),
  },
  {
    isOfLayers: true,
    title: 'a presigned address has expired, once',
    store1: onceForLayer({ before: status(403, EXPIRED) }),
  },
  {
    isOfLayers: true,
    title: 'both stores have a layer with a wrong bit',
    damage: layer([1, 2], flipped),
    leavesRemains: true,
  },
  { title: 'both stores have a manifest with a wrong bit', damage: manifest([1, 2]) },
  { title: 'both stores are gone', store1: 'gone', store2: 'gone' },
];

export const EDGE_FAULTS: readonly Fault[] = [
  { title: 'the edge is gone', edge: 'gone' },
  { title: 'the edge drops every packet', edge: 'silent', isSlow: true },
  { title: 'the edge restarts in the middle of a pull', edge: 'restarts' },
];
