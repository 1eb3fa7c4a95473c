/** Connects to the stores of a configuration. Nothing is asked of them yet. */
import type { Configuration, StoreConfiguration } from '../configuration/configuration.ts';
import type { Replica } from '../engine/replication/replica-set.ts';
import type { Log } from '../engine/runtime.ts';
import type { FencedStore } from '../engine/store/fenced-store.ts';
import type { Store } from '../engine/store/store.ts';
import type { Agents } from '../runtime/node/agents.ts';
import { createS3Connection } from '../runtime/node/s3-connection.ts';
import { S3Store } from '../storage/s3/s3-store.ts';
import { boundedStore, fencedStore } from './store-layers.ts';

/** The caller that opens stores: its connections, its signal, and its name as a writer. */
export interface Opening {
  readonly agents: Agents;
  readonly signal: AbortSignal;
  /** The run or the command, if it publishes something in the stores. */
  readonly writer?: Writer;
}

export interface Writer {
  /** Unique. */
  readonly name: string;
  /** Told if it has to wait for a sweep of pruning. */
  readonly log: Pick<Log, 'warn'>;
}

export type Connected = Omit<Replica, 'id' | 'isNew'>;

export function connect(
  settings: StoreConfiguration,
  { agents, signal }: Pick<Opening, 'agents' | 'signal'>,
): Connected {
  const bucket = new S3Store(settings, createS3Connection(agents));
  const secret = settings.credentials?.secretAccessKey;
  return { bucket, store: boundedStore(bucket, signal, settings.singleWriter), secret };
}

/**
 * Connects to every store without a request, for a caller whose key may write one prefix alone, so that it could not show whose
 * bucket it is.
 */
export function connectStores(
  { store, laterStores }: Pick<Configuration, 'store' | 'laterStores'>,
  how: { readonly agents: Agents; readonly signal: AbortSignal },
): readonly Store[] {
  return [store, ...laterStores].map((settings) => connect(settings, how).store);
}

/** The fences of one writer, one for each store. */
export class Fences {
  readonly #fences: FencedStore[] = [];

  /** Whether a sweep of pruning makes the writer wait for this store. */
  isWaiting({ store }: Pick<Connected, 'store'>): boolean {
    return this.#fences.some((fence) => fence === store && fence.isWaiting);
  }

  /** A store with `singleWriter` has none, because it is never swept while runs may begin. */
  over(replica: Connected, { singleWriter }: StoreConfiguration, { writer, signal }: Opening): Connected {
    if (writer === undefined || singleWriter) return replica;
    const fence = fencedStore(replica.store, { writer: writer.name, log: writer.log, signal });
    this.#fences.push(fence);
    return { ...replica, store: fence };
  }

  /** A store that fails keeps a note that counts for some hours more. */
  async leave(): Promise<void> {
    await Promise.allSettled(this.#fences.map((fence) => fence.leave()));
  }
}
