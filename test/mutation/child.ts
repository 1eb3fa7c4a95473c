/** Runs as a process that tries the mutants of a target, one test file after the other. test-process.ts starts it. */
import process from 'node:process';
import { cover, tryAlone, tryInTests } from './hunt.ts';
import { instrument } from './instrument.ts';
import { Session, type Listener } from './session.ts';
import { TARGETS } from './targets.ts';
import type { Order, Report, Result, Setting } from './test-process.ts';

function report(message: Report): void {
  process.send?.(message);
}

const LISTENER: Listener = {
  turn: (mutant) => report({ kind: 'turn', mutant }),
  killed: (mutants) => report({ kind: 'killed', mutants }),
};

process.once('message', (setting: Setting) => {
  const opening = open(setting);
  process.on('message', (order: Order) => {
    void carryOut(opening, order);
  });
});

async function open({ target: name, sources }: Setting): Promise<Session> {
  const target = TARGETS[name];
  if (target === undefined) throw new Error(`There is no target "${name}".`);
  const { plugin } = await instrument(sources);
  return Session.open(target, plugin, LISTENER);
}

async function carryOut(opening: Promise<Session>, order: Order): Promise<void> {
  try {
    report({ kind: 'end', result: await run(await opening, order) });
  } catch (error) {
    report({ kind: 'error', message: error instanceof Error ? error.message : String(error) });
  }
}

async function run(session: Session, { test, task }: Order): Promise<Result> {
  if (task.kind === 'cover') return { coverage: await cover(session, test) };
  if (task.kind === 'turns') return { doubtful: await tryInTests(session, test, task.turns) };
  const doubtful = await tryAlone(session, test, task, LISTENER);
  return doubtful === undefined ? {} : { doubtful: [doubtful] };
}
