/** A process that tries the mutants of a target by one file of tests. file-process.ts starts it. */
import process from 'node:process';
import { hunt } from './hunt.ts';
import { instrument } from './instrument.ts';
import { TARGETS } from './targets.ts';
import type { Order, Report } from './file-process.ts';

function report(message: Report): void {
  process.send?.(message);
}

process.once('message', (order: Order) => {
  void carryOut(order);
});

async function carryOut({ target: name, sources, test, wanted }: Order): Promise<void> {
  try {
    const target = TARGETS[name];
    if (target === undefined) throw new Error(`There is no target "${name}".`);
    const findings = await hunt(target, test, await instrument(sources), new Set(wanted), {
      turn: (mutant) => report({ kind: 'turn', mutant }),
      killed: (mutants) => report({ kind: 'killed', mutants }),
    });
    report({ kind: 'end', findings });
  } catch (error) {
    report({ kind: 'error', message: error instanceof Error ? error.message : String(error) });
  }
}
