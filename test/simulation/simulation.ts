/** One simulation: some processes at once, with faults, once or twice; and then runs without faults, until all is well. */
import type { RunReport } from '../../mirror-job/engine/report.ts';
import { handMove } from './actors/hand-move.ts';
import { mirrorRun } from './actors/mirror-run.ts';
import { anyOperator, prune } from './actors/prune.ts';
import { publishAtOnce, publisher } from './actors/publisher.ts';
import { reader } from './actors/reader.ts';
import type { Decisions } from './decisions.ts';
import { checkGarbage } from './garbage-check.ts';
import type { Keeping } from './keeping.ts';
import { checkRecovery } from './recovery.ts';
import { Violation } from './violation.ts';
import { World, type SimulationOptions } from './world.ts';

const HOUR_MS = 3_600_000;
/** Longer than any interval at which a run looks again for something. */
const LATER_MS = 10 * 24 * 3_600_000;
/** When a process begins in a round in which something is pruned. A sweep begins 25 hours after it was possible to condemn. */
const DELAYS_MS: readonly [number, ...number[]] = [0, 25 * HOUR_MS, 25 * HOUR_MS, 50 * HOUR_MS];
/** The runs without faults after which all must be well. */
const RECOVERIES = 2;
/** The first one may find something that is condemned already, or a list that was swept in part. */
const PRUNES = 2;

export interface Outcome {
  /** Undefined if no promise was broken. */
  readonly violation: Violation | undefined;
  readonly steps: number;
  readonly decisions: Decisions;
}

export async function simulate(decisions: Decisions, options: SimulationOptions = {}): Promise<Outcome> {
  const world = new World(decisions, options);
  let violation: Violation | undefined;
  try {
    await live(world);
    await recover(world);
  } catch (error) {
    violation = error instanceof Violation ? error : crash(error);
    world.scheduler.note(violation.message);
  }
  return { violation, steps: world.scheduler.steps, decisions };
}

function crash(error: unknown): Violation {
  return new Violation(
    'a process crashes',
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  );
}

async function live(world: World): Promise<void> {
  const { decisions, scheduler, faults } = world;
  const { keeping } = world;
  faults.areOn = false;
  const early = keeping === undefined ? decisions.choose(2) : 2;
  for (let run = 0; run < early; run += 1) {
    scheduler.note('--- an early run without faults');
    if (run > 0) publishAtOnce(world);
    world.spawn('run', async (actor) => void (await mirrorRun(world, actor)));
    await world.run();
    if (keeping !== undefined) scheduler.nowMs += 24 * HOUR_MS;
  }
  faults.areOn = true;
  const rounds = 1 + decisions.choose(2);
  for (let round = 0; round < rounds; round += 1) {
    scheduler.note(`--- round ${round + 1}`);
    scheduler.nowMs += 3_600_000;
    const runs = decisions.choose(3);
    // While something is condemned and swept, which takes days, the others begin at any time.
    const prunes = keeping === undefined ? 0 : decisions.oneOf([0, 1, 1, 2]);
    const delay = (): number => (prunes === 0 ? 0 : decisions.oneOf(DELAYS_MS));
    keeping?.changeUse(decisions);
    for (let run = 0; run < runs; run += 1) {
      world.spawn('run', async (actor) => void (await mirrorRun(world, actor)), delay());
    }
    if (decisions.happens(2)) world.spawn('hand', handMove(world), delay());
    if (decisions.happens(4)) world.spawn('hand', handMove(world), delay());
    if (decisions.happens(2)) world.spawn('publisher', publisher(world), delay());
    const readers = decisions.choose(3);
    for (let count = 0; count < readers; count += 1) world.spawn('reader', reader(world), delay());
    if (keeping !== undefined) {
      for (let count = 0; count < prunes; count += 1) {
        const operator = anyOperator(world);
        world.spawn('prune', prune(world, keeping, operator), decisions.happens(4) ? delay() : 0);
      }
    }
    await world.run();
  }
}

async function recover(world: World): Promise<void> {
  const { faults, scheduler } = world;
  faults.areOn = false;
  for (let attempt = 1; ; attempt += 1) {
    scheduler.nowMs += LATER_MS;
    scheduler.note('--- a run without faults');
    let report: RunReport | undefined;
    world.spawn('run', async (actor) => {
      report = await mirrorRun(world, actor);
    });
    await world.run();
    try {
      if (report === undefined) throw new Violation('a run without faults fails', 'it has no report.');
      checkRecovery(world, report);
      break;
    } catch (error) {
      if (attempt === RECOVERIES || !(error instanceof Violation)) throw error;
      scheduler.note(`not well yet: ${error.message}`);
    }
  }
  if (world.keeping !== undefined) await pruneAll(world, world.keeping);
}

/** Prunes without faults, until nothing may go. Another run must still find all that it looks for. */
async function pruneAll(world: World, keeping: Keeping): Promise<void> {
  const { scheduler } = world;
  for (let count = 0; count < PRUNES; count += 1) {
    scheduler.nowMs += LATER_MS;
    scheduler.note('--- a prune without faults');
    let hasEnded = false;
    world.spawn('prune', async (actor) => {
      await prune(world, keeping)(actor);
      hasEnded = true;
    });
    await world.run();
    if (!hasEnded) throw new Violation('a prune without faults fails', 'it has not come to its end.');
  }
  checkGarbage(world, keeping);
  scheduler.note('--- a run without faults');
  let report: RunReport | undefined;
  world.spawn('run', async (actor) => {
    report = await mirrorRun(world, actor);
  });
  await world.run();
  if (report === undefined) throw new Violation('a run without faults fails', 'it has no report.');
  checkRecovery(world, report);
}
