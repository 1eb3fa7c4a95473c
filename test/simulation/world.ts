/** All that the processes of one simulation share, and all that is checked after each step. */
import { createHash } from 'node:crypto';
import { STORES_KEY } from '../../core/layout.ts';
import type { Environment } from '../../mirror-job/engine/environment.ts';
import { PruneRefusedError } from '../../mirror-job/engine/maintenance/condemn.ts';
import { decodeStatuses } from '../../mirror-job/engine/replication/replica-status.ts';
import { createRunState } from '../../mirror-job/engine/run-state.ts';
import { DEFAULT_LIMITS } from '../../mirror-job/engine/runtime.ts';
import { MoveRefusedError, TagContendedError } from '../../mirror-job/engine/tags/move-by-hand.ts';
import { SourceError } from '../../mirror-job/engine/source.ts';
import { StoreError, type Store } from '../../mirror-job/engine/store/store.ts';
import { checkChange, checkWhole, readKey } from './bucket-check.ts';
import { CONTENTS, PART_BYTES } from './content.ts';
import type { Decisions } from './decisions.ts';
import { Faults } from './faults.ts';
import { Keeping } from './keeping.ts';
import { Scheduler, type Actor } from './scheduler.ts';
import { SimulatedStore, type OnWrite } from './simulated-store.ts';
import { TagMovements } from './tag-movements.ts';
import { Upstream } from './upstream.ts';
import { Violation } from './violation.ts';
import { WatchedStore } from './watched-store.ts';

export const TAGS: readonly [string, ...string[]] = ['one', 'two'];
/** Clocks of machines differ. Milliseconds. */
const SKEWS_MS: readonly [number, ...number[]] = [0, 0, -2000, 2000];

/** The policy of all images in a simulation. */
export interface Policy {
  readonly policy: 'follow' | 'hold';
  readonly rollback: 'follow' | 'hold';
}

/** A command by hand that said that it was done. */
export interface Answered {
  readonly repository: string;
  readonly tag: string;
  readonly kind: 'approve' | 'revert';
  readonly digest: string;
}

interface Hands {
  begun: number;
  ended: number;
}

export interface SimulationOptions {
  /** Gets a line per step. */
  readonly trace?: string[];
  /** Whether later stores must keep the promises too that the engine is known to break (docs/decisions/0181). */
  readonly isStrict?: boolean;
}

export class World {
  readonly isStrict: boolean;
  readonly decisions: Decisions;
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly stores: readonly WatchedStore[];
  readonly upstreams: readonly Upstream[];
  readonly policy: Policy;
  /** The content that a prune leaves; undefined if nothing is pruned. */
  readonly keeping: Keeping | undefined;
  /** The last command by hand on each tag, by repository and tag; undefined if its end is not known. */
  readonly byHand = new Map<string, Answered | undefined>();
  /** By the name of a store: when the last sweep began that came to its end. */
  readonly sweptMs = new Map<string, number>();
  readonly #hands = new Map<string, Hands>();
  readonly #movements: TagMovements;
  #actors = 0;
  #ids = 0;

  constructor(decisions: Decisions, { trace, isStrict = false }: SimulationOptions = {}) {
    this.isStrict = isStrict;
    this.decisions = decisions;
    this.scheduler = new Scheduler(decisions, trace);
    this.scheduler.switchOnceIn = decisions.oneOf([1, 4, 20]);
    const names = ['A', 'B'].slice(0, 1 + decisions.choose(2));
    // Several stores are compared by lists. A list that lacks a key makes the comparison wrong (docs/decisions/0181).
    this.faults = new Faults(decisions, isStrict || names.length === 1);
    this.stores = names.map((name) => new WatchedStore(name));
    for (const store of this.stores) store.now = () => new Date(this.scheduler.nowMs);
    const paths = [...CONTENTS].slice(0, 1 + Math.floor(decisions.choose(4) / 3));
    this.upstreams = paths.map(([path, content]) => new Upstream(path, content));
    this.policy = {
      policy: decisions.oneOf(['follow', 'follow', 'hold']),
      rollback: decisions.oneOf(['follow', 'hold']),
    };
    this.keeping = decisions.happens(2) ? new Keeping(decisions, this.upstreams) : undefined;
    this.#movements = new TagMovements(this.upstreams, isStrict);
    for (const upstream of this.upstreams) {
      for (const tag of TAGS) upstream.move(tag, decisions.oneOf(upstream.content.images));
      if (decisions.happens(4)) upstream.move('liar', decisions.oneOf(upstream.content.liars));
    }
    this.scheduler.note(
      `${names.join(' and ')}, ${paths.map(([path]) => path).join(' and ')}, ${JSON.stringify(this.policy)}`,
    );
  }

  /** The commands by hand on a tag. */
  handsOn(name: string): Hands {
    const hands = this.#hands.get(name) ?? { begun: 0, ended: 0 };
    this.#hands.set(name, hands);
    return hands;
  }

  newId(): string {
    this.#ids += 1;
    return `id-${this.#ids}`;
  }

  /** Starts a process. What faults cause may end it early, and nothing else may. */
  spawn(name: string, body: (actor: Actor) => Promise<void>, delayMs = 0): Actor {
    this.#actors += 1;
    const skewMs = this.decisions.oneOf(SKEWS_MS);
    const guarded = async (actor: Actor): Promise<void> => {
      try {
        await body(actor);
        this.scheduler.note(`${actor.name} has ended`);
      } catch (error) {
        if (!isExpected(error) && !(actor.stop.signal.aborted && error === actor.stop.signal.reason))
          throw error;
        this.scheduler.note(`${actor.name} has failed: ${error instanceof Error ? error.message : ''}`);
      }
    };
    return this.scheduler.spawn(`${name}-${this.#actors}`, guarded, { skewMs, delayMs });
  }

  /** @param isLead whether the process reads this store first; asked when it writes a tag */
  storeFor(actor: Actor, bucket: WatchedStore, isLead: () => boolean = () => false): SimulatedStore {
    const onWrite: OnWrite = (_store, _actor, key, bytes) => {
      if (isLead() && readKey(key)?.folder === 'tags')
        this.#written.set(bucket, { key, bytes: new Uint8Array(bytes) });
    };
    return new SimulatedStore(bucket, actor, this.scheduler, this.faults, onWrite);
  }

  /** The tag that is being written into the bucket that its writer reads. */
  readonly #written = new Map<WatchedStore, { readonly key: string; readonly bytes: Uint8Array }>();

  environmentFor(actor: Actor, store: Store): Environment {
    const limits = { ...DEFAULT_LIMITS, partBytes: PART_BYTES };
    const log = {
      info: () => {},
      warn: (message: string) => this.scheduler.note(`      ${actor.name} warns: ${message}`),
    };
    const state = createRunState(
      { store, run: actor.name, signal: actor.stop.signal },
      limits,
      8 * PART_BYTES,
    );
    return { clock: actor.clock, log, createHash, limits, ...state };
  }

  /** Steps until all processes have ended, and checks all that readers can see after each step. @throws {Violation} */
  async run(): Promise<void> {
    await this.scheduler.run(() => this.#check());
  }

  #check(): void {
    for (const store of this.stores) {
      const changes = store.takeChanges();
      if (changes.size === 0) continue;
      const { nowMs } = this.scheduler;
      let isDeletion = false;
      for (const [key, before] of changes) {
        checkChange(store, key);
        if (before !== undefined && !store.objects.has(key)) {
          isDeletion = true;
          this.keeping?.checkDeletion(store, key, before, { nowMs, movements: this.#movements });
        }
        this.#movements.check(store, key, before, store === this.stores[0]);
        const written = this.#written.get(store);
        const now = store.objects.get(key);
        if (
          written?.key === key &&
          now !== undefined &&
          Buffer.compare(written.bytes, now.bytes) === 0 &&
          !isBegunAnew(store)
        ) {
          this.#movements.commit(key, now.bytes);
        }
      }
      if (isDeletion) checkWhole(store);
    }
  }
}

/**
 * Whether a store says of itself that it is behind: it was filled without another one, whose tags count when it is back
 * (docs/decisions/0008).
 */
function isBegunAnew(store: WatchedStore): boolean {
  const object = store.objects.get(STORES_KEY);
  return (
    object !== undefined &&
    decodeStatuses(object.bytes).some((status) => status.store === store.name && !status.inStep)
  );
}

function isExpected(error: unknown): boolean {
  return (
    !(error instanceof Violation) &&
    (error instanceof StoreError ||
      error instanceof SourceError ||
      error instanceof MoveRefusedError ||
      error instanceof PruneRefusedError ||
      error instanceof TagContendedError)
  );
}
