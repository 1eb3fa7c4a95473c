/** The command line of `lifeboat`: finds the command, and turns whatever ends it into an exit code. */
import about from '../package.json' with { type: 'json' };
import { brief, printable } from '../core/printable.ts';
import { approve } from './commands/approve.ts';
import { seeHelp, suggest, type Command } from './commands/command.ts';
import { UsageError } from './configuration/usage-error.ts';
import { ConfigurationError } from './configuration/configuration-error.ts';
import { WrongClockError } from './engine/run/clock-check.ts';
import { exportCommand } from './commands/export.ts';
import { history } from './commands/history.ts';
import { importCommand } from './commands/import.ts';
import { revert } from './commands/revert.ts';
import { plan, sync } from './commands/sync.ts';
import { findCommandLine } from './terminal/command-line.ts';
import { styleFor } from './terminal/style.ts';

const COMMANDS: readonly Command[] = [sync, plan, history, approve, revert, importCommand, exportCommand];

/** Better a word about them than "no such command". */
const NOT_BUILT_YET: ReadonlySet<string> = new Set(['prune', 'verify']);

const HELP = `Lifeboat keeps clusters pulling when a registry is down. This program fills its bucket.

Usage: lifeboat COMMAND [OPTIONS]

Commands:
${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`).join('\n')}

Options:
  -h, --help     this help; after a command, the help of that command, with examples
  -V, --version  the version

Results go to standard output, in words or with --json; progress, warnings and errors to standard
error.

Example:
  npx lifeboat sync -c lifeboat.yaml
`;

const commandLine = findCommandLine({
  argv0: process.argv0,
  execArgv: process.execArgv,
  argv: process.argv,
  env: process.env,
  cwd: process.cwd(),
});

/** Each line stays one line, whatever it quotes. */
function say(...lines: readonly string[]): void {
  const text = lines.map((line) => `${printable(brief(line))}\n`).join('');
  process.stderr.write(`${styleFor(process.stderr).bad('lifeboat:')} ${commandLine.complete(text)}`);
}

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined) {
    process.stderr.write(commandLine.completeHelp(HELP));
    return 2;
  }
  if (name === '--version' || name === '-V') {
    process.stdout.write(`${about.name} ${about.version}\n`);
    return 0;
  }
  const wantsHelp = args.includes('--help') || args.includes('-h') || name === 'help';
  const wanted = name === 'help' ? rest[0] : name;
  const command = COMMANDS.find((one) => one.name === wanted);
  if (command === undefined) {
    if (wanted !== undefined && !wanted.startsWith('-')) throw new UsageError(unknown(wanted));
    if (!wantsHelp) throw new UsageError(`a command has to come first, not "${name}". ${seeHelp('')}`);
    process.stdout.write(commandLine.completeHelp(HELP));
    return 0;
  }
  if (wantsHelp) {
    process.stdout.write(commandLine.completeHelp(command.help));
    return 0;
  }
  return command.run(rest, commandLine);
}

function unknown(name: string): string {
  if (NOT_BUILT_YET.has(name)) return `the command "${name}" is planned and not built yet. ${seeHelp('')}`;
  const known = COMMANDS.map((command) => command.name);
  return `there is no command "${name}".${suggest(name, known)} ${seeHelp('')}`;
}

// Whoever read the output has gone ("| head"): no reason to stop a mirror run in the middle.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

/** Node ends, and well, where nothing is left that could happen: without this nobody would hear of such a fault. */
function sayUnfinished(): void {
  process.exitCode = 1;
  say(
    'this is a fault of Lifeboat: it waits for something that never comes. What the command has done so far stays. Please report this fault.',
  );
}

async function start(): Promise<void> {
  process.once('beforeExit', sayUnfinished);
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    process.exitCode = 2;
    if (error instanceof UsageError) {
      say(error.message, ...error.lines);
    } else if (error instanceof WrongClockError) {
      say(error.message);
    } else if (error instanceof ConfigurationError) {
      say('the configuration cannot be used.', ...error.message.split('\n'));
    } else {
      process.exitCode = 1;
      const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
      say('this is a fault of Lifeboat. Please report it with the following lines.', ...trace.split('\n'));
    }
  }
  process.off('beforeExit', sayUnfinished);
  // What a silent store or upstream was asked, and nobody waits for any more, must not keep the process.
  setTimeout(() => process.exit(), 500).unref();
}

// Not awaited: the bundle is a script, and only a module may wait here.
void start();
