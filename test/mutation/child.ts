/** A process that tries the mutants of a target by one file of tests. file-process.ts starts it. */
import process from 'node:process';
import { tryAlone, tryInTests } from './hunt.ts';
import { instrument } from './instrument.ts';
import { Session, type Listener } from './session.ts';
import { TARGETS } from './targets.ts';
import type { Order, Report } from './file-process.ts';

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

async function carryOut({ target: name, sources, test, wanted, isAlone }: Order): Promise<void> {
  try {
    const target = TARGETS[name];
    if (target === undefined) throw new Error(`There is no target "${name}".`);
    const { plugin } = await instrument(sources);
    const session = await Session.open(target, test, plugin, LISTENER);
    const mutants = new Set(wanted);
    if (isAlone) {
      await tryAlone(session, mutants, LISTENER);
      report({ kind: 'end', findings: undefined });
    } else report({ kind: 'end', findings: await tryInTests(session, mutants) });
  } catch (error) {
    report({ kind: 'error', message: error instanceof Error ? error.message : String(error) });
  }
}
