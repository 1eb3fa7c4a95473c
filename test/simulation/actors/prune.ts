/** `lifeboat prune`, `--apply`, `--continue` and `--cancel`: each step is a process of its own, with the waiting between them. */
import { condemn, PruneRefusedError } from '../../../mirror-job/engine/maintenance/condemn.ts';
import { planStore, type StorePlan } from '../../../mirror-job/engine/maintenance/prune-plan.ts';
import { movePruneState, readPruneState } from '../../../mirror-job/engine/maintenance/prune-state-object.ts';
import { sweep } from '../../../mirror-job/engine/maintenance/sweep.ts';
import { keepAligned } from '../../../mirror-job/engine/replication/replica-reconcile.ts';
import type { PrunableStore } from '../../../mirror-job/engine/store/store.ts';
import type { Keeping } from '../keeping.ts';
import type { Actor } from '../scheduler.ts';
import type { World } from '../world.ts';
import { CONFIGURATION, openStores } from './opened-stores.ts';

const HOUR_MS = 3_600_000;
/** Until notes of runs that were killed count no more, and longer. */
const MAX_STEPS = 16;

/** @returns the time in milliseconds until the next step may go on; undefined if the store needs no more */
type Waits = number | undefined;

interface Operator {
  /** Between the plan and its application. */
  readonly pauseMs: number;
  readonly isCancelled: boolean;
}

const DILIGENT: Operator = { pauseMs: 0, isCancelled: false };

/** Decides first what the person who prunes does. */
export function anyOperator({ decisions }: World): Operator {
  return { pauseMs: decisions.oneOf([0, 0, 0, HOUR_MS, 30 * HOUR_MS]), isCancelled: decisions.happens(8) };
}

export function prune(
  world: World,
  keeping: Keeping,
  { pauseMs, isCancelled }: Operator = DILIGENT,
): (actor: Actor) => Promise<void> {
  return async (actor) => {
    const plans = await planAll(world, actor, keeping);
    if (pauseMs > 0) await actor.clock.sleep(pauseMs, actor.stop.signal);
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const isLast = isCancelled && step === 1;
      const waitMs = await eachStore(world, actor, (store) =>
        isLast ? cancel(actor, store) : goOn(world, actor, keeping, { store, plan: plans.get(store.name) }),
      );
      plans.clear();
      if (waitMs === undefined) return;
      await actor.clock.sleep(waitMs, actor.stop.signal);
    }
  };
}

/** @returns the plan of each store, by its name */
async function planAll(world: World, actor: Actor, keeping: Keeping): Promise<Map<string, StorePlan>> {
  const plans = new Map<string, StorePlan>();
  for (const bucket of world.stores) {
    const store = world.storeFor(actor, bucket);
    const plan = await planStore({
      store,
      bucket: bucket.name,
      policyOf: keeping.policyOf(),
      clock: actor.clock,
      maxDeletePercent: 100,
      signal: actor.stop.signal,
    });
    plans.set(bucket.name, plan);
  }
  return plans;
}

/** Works on the stores that are in step, one after the other. */
async function eachStore(
  world: World,
  actor: Actor,
  work: (store: PrunableStore) => Promise<Waits>,
): Promise<Waits> {
  const { replicas } = await openStores(world, actor, {
    align: (_, all) => keepAligned(all),
    isFenced: false,
  });
  const waits: number[] = [];
  try {
    for (const bucket of world.stores) {
      if (!replicas.live.some((replica) => replica.bucket.name === bucket.name)) continue;
      const wait = await work(world.storeFor(actor, bucket));
      if (wait !== undefined) waits.push(wait);
    }
  } finally {
    await replicas.publishStatusAgain().catch(() => undefined);
  }
  return waits.length === 0 ? undefined : Math.max(...waits);
}

interface Planned {
  readonly store: PrunableStore;
  /** Undefined once it was applied. */
  readonly plan: StorePlan | undefined;
}

/** Sweeps if something is condemned, and condemns the plan otherwise. */
async function goOn(
  world: World,
  { clock, stop }: Actor,
  keeping: Keeping,
  { store, plan }: Planned,
): Promise<Waits> {
  const policyOf = keeping.policyOf();
  const { state } = await readPruneState(store);
  const untilMs = (time: string): number => Math.max(1, Date.parse(time) - clock.now().getTime());
  if (state === undefined || state.phase === 'idle') {
    if (plan === undefined) return undefined;
    const { after } = await condemn({
      store,
      clock,
      policyOf,
      retention: { maxDeletePercent: 100, graceMs: keeping.graceMs },
      generation: world.newId(),
      plan: { id: world.newId(), keys: keysOf(plan) },
      name: CONFIGURATION,
    });
    return after === undefined ? undefined : untilMs(after);
  }
  const begunMs = world.scheduler.nowMs;
  const swept = await sweep({
    store,
    clock,
    signal: stop.signal,
    readPolicy: () => Promise.resolve(policyOf),
    name: CONFIGURATION,
    sweeper: world.newId(),
  });
  world.scheduler.note(`      ${store.name}: ${swept.kind}`);
  if (swept.kind === 'done') world.sweptMs.set(store.name, begunMs);
  if (swept.kind === 'yielded') return HOUR_MS;
  return 'until' in swept ? untilMs(swept.until) : undefined;
}

async function cancel({ clock }: Actor, store: PrunableStore): Promise<undefined> {
  const held = await readPruneState(store);
  if (held.state?.phase === 'sweeping') throw new PruneRefusedError(`${store.name}: a sweep is under way.`);
  if (held.state?.phase !== 'condemned') return;
  await movePruneState(store, held, { phase: 'idle', ended: clock.now().toISOString() });
}

function keysOf({ repositories, blobs }: StorePlan): Set<string> {
  return new Set([...repositories.flatMap(({ unneeded }) => unneeded), ...blobs].map(({ key }) => key));
}
