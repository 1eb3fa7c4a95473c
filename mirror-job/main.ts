#!/usr/bin/env node
/** The command line of `lifeboat`: finds the command, and turns whatever ends it into an exit code. */
import { UsageError, type Command } from './command.ts';
import { ConfigurationError } from './configuration/configuration-error.ts';
import { BucketRefusedError } from './engine/bucket.ts';
import { StoreError } from './engine/store.ts';
import { styleFor } from './terminal/style.ts';
import { sync } from './sync.ts';

const COMMANDS: readonly Command[] = [sync];

const HELP = `Lifeboat keeps clusters pulling when a registry is down: this fills its bucket.

Usage: lifeboat COMMAND [OPTIONS]

Commands:
${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`).join('\n')}

"lifeboat COMMAND --help" explains a command, with examples.
`;

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP);
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined) {
    throw new UsageError(`there is no command "${name}". "lifeboat --help" lists them.`);
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(command.help);
    return 0;
  }
  return command.run(rest);
}

/** These end a run before it has touched anything. */
const REFUSALS = [UsageError, ConfigurationError, BucketRefusedError, StoreError] as const;

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isRefusal = REFUSALS.some((kind) => error instanceof kind);
  const { bad } = styleFor(process.stderr);
  if (isRefusal && error instanceof Error) {
    process.stderr.write(`${bad('lifeboat:')} ${error.message}\n`);
    process.exitCode = 2;
  } else {
    process.stderr.write(`${bad('lifeboat: a fault of its own.')} Please report it with what follows.\n`);
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  }
}
