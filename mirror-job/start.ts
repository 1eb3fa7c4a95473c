/** `lifeboat` as a process of its own. `lifeboat.js` starts this file, or the bundle that is made of it. */
import { main, reportUnfinished } from './main.ts';
import { findProgram } from './terminal/command-line.ts';
import type { Io } from './terminal/io.ts';

/** Milliseconds that the process may stay after the end of a command. */
const LINGER_MS = 500;

const { argv0, execArgv, argv, env } = process;
const cwd = process.cwd();
const io: Io = {
  stdin: () => process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env,
  cwd,
  program: findProgram({ argv0, execArgv, script: argv[1] ?? '', env, cwd }),
  signals: process,
  exit: (code) => process.exit(code),
};

// The reader of the output may be gone ("| head"). That is no reason to stop a mirror run in the middle.
for (const [name, stream] of [
  ['output', process.stdout],
  ['error', process.stderr],
] as const) {
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') return;
    process.stderr.write(`lifeboat: standard ${name} cannot be written: ${message}\n`);
    process.exit(1);
  });
}

/** Node ends with exit code 0 when nothing is left that could happen, so without this nobody would hear of the fault. */
function onUnfinished(): void {
  process.exitCode = 1;
  reportUnfinished(io, argv.slice(2));
}

async function start(): Promise<void> {
  process.once('beforeExit', onUnfinished);
  process.exitCode = await main(argv.slice(2), io);
  process.off('beforeExit', onUnfinished);
  // A request to a silent store or upstream, for which nobody waits any more, must not keep the process.
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

// Not awaited, because the bundle is a script, and only a module may wait here.
void start();
