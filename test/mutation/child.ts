/** A process that tries the mutants of a target by one file of tests. file-process.ts starts it. */
import process from 'node:process';
import { cover, tryAlone, tryInTests } from './hunt.ts';
import { instrument } from './instrument.ts';
import { Session, type Listener } from './session.ts';
import { TARGETS } from './targets.ts';
import type { Order, Report, Result, Task } from './file-process.ts';

function report(message: Report): void {
  process.send?.(message);
}

process.once('message', (order: Order) => {
  void carryOut(order);
});

const LISTENER: Listener = {
  turn: (mutant) => report({ kind: 'turn', mutant }),
  killed: (mutants) => report({ kind: 'killed', mutants }),
};

async function carryOut({ target: name, sources, test, task }: Order): Promise<void> {
  try {
    const target = TARGETS[name];
    if (target === undefined) throw new Error(`There is no target "${name}".`);
    const { plugin } = await instrument(sources);
    const session = await Session.open(target, test, plugin, LISTENER);
    report({ kind: 'end', result: await run(session, task) });
  } catch (error) {
    report({ kind: 'error', message: error instanceof Error ? error.message : String(error) });
  }
}

async function run(session: Session, task: Task): Promise<Result> {
  if (task.kind === 'cover') return { coverage: await cover(session) };
  if (task.kind === 'turns') return { doubtful: await tryInTests(session, task.turns) };
  await tryAlone(session, task.mutants, LISTENER);
  return {};
}
