/** Runs the command of the action, shows its output as it comes, and writes its results into the summary of the run. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { appendFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { summaryOf } from './summary.ts';

const PROGRAM = fileURLToPath(new URL('../../mirror-job/lifeboat.js', import.meta.url));
const COMMANDS = ['plan', 'sync'];

const {
  LIFEBOAT_ACTION_COMMAND: command = '',
  LIFEBOAT_ACTION_CONFIG: configuration = '',
  GITHUB_STEP_SUMMARY: summaryFile,
  GITHUB_OUTPUT: outputFile,
} = process.env;

if (COMMANDS.includes(command)) {
  // The output quotes what upstreams send, and GitHub takes commands out of any line until this token comes again:
  // https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#stopping-and-starting-workflow-commands
  const token = randomUUID();
  process.stdout.write(`::stop-commands::${token}\n`);
  process.exitCode = await run();
  process.stdout.write(`::${token}::\n`);
} else {
  // GitHub shows a line that begins so beside the run.
  process.stdout.write(
    `::error::The input "command" must be plan or sync, and it is ${JSON.stringify(command)}.\n`,
  );
  process.exitCode = 2;
}

/** @returns the exit code of the command */
async function run(): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, command, '-c', configuration], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // GitHub ends a cancelled run by SIGINT and then SIGTERM, which reach this process alone.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => {
    parts.push(part);
    process.stdout.write(part);
  });
  const [code] = await once(child, 'close');
  // A command that a signal killed has no code.
  const exitCode = typeof code === 'number' ? code : 1;
  const summary = summaryOf(command, exitCode, Buffer.concat(parts).toString('utf8'));
  if (summaryFile !== undefined) await appendFile(summaryFile, summary);
  if (outputFile !== undefined) await appendFile(outputFile, `exit-code=${exitCode}\n`);
  return exitCode;
}
