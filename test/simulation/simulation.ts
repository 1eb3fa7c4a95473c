/** One simulation: some processes at once, with faults, once or twice; and then runs without faults, until all is well. */
import type { RunReport } from '../../mirror-job/engine/report.ts';
import { handMove } from './actors/hand-move.ts';
import { mirrorRun } from './actors/mirror-run.ts';
import { publisher } from './actors/publisher.ts';
import { reader } from './actors/reader.ts';
import type { Decisions } from './decisions.ts';
import { checkRecovery } from './recovery.ts';
import { Violation } from './violation.ts';
import { World, type SimulationOptions } from './world.ts';

/** Longer than any interval at which a run looks again for something. */
const LATER_MS = 10 * 24 * 3_600_000;
/** The runs without faults after which all must be well. */
const RECOVERIES = 2;

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
  if (decisions.happens(2)) {
    scheduler.note('--- a first run without faults');
    faults.areOn = false;
    world.spawn('run', async (actor) => void (await mirrorRun(world, actor)));
    await world.run();
    faults.areOn = true;
  }
  const rounds = 1 + decisions.choose(2);
  for (let round = 0; round < rounds; round += 1) {
    scheduler.note(`--- round ${round + 1}`);
    scheduler.nowMs += 3_600_000;
    const runs = decisions.choose(3);
    for (let run = 0; run < runs; run += 1) {
      world.spawn('run', async (actor) => void (await mirrorRun(world, actor)));
    }
    if (decisions.happens(2)) world.spawn('hand', handMove(world));
    if (decisions.happens(4)) world.spawn('hand', handMove(world));
    if (decisions.happens(2)) world.spawn('publisher', publisher(world));
    const readers = decisions.choose(3);
    for (let count = 0; count < readers; count += 1) world.spawn('reader', reader(world));
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
      return;
    } catch (error) {
      if (attempt === RECOVERIES || !(error instanceof Violation)) throw error;
      scheduler.note(`not well yet: ${error.message}`);
    }
  }
}
