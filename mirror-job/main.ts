/** The command line of `lifeboat`: finds the command, and turns whatever ends it into an exit code. */
import about from '../package.json' with { type: 'json' };
import { brief, printable } from '../core/printable.ts';
import { seeHelp, suggest } from './commands/command.ts';
import type { CommandEntry } from './commands/completion.ts';
import { UsageError } from './configuration/usage-error.ts';
import { ConfigurationError } from './configuration/configuration-error.ts';
import { WrongClockError } from './engine/run/clock-check.ts';
import { ProxyAddressError } from './runtime/node/proxies.ts';
import { findCommandLine } from './terminal/command-line.ts';
import type { Io, Session } from './terminal/io.ts';
import { styleFor } from './terminal/style.ts';

const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'init',
    summary: 'Ask five questions, write a first lifeboat.yaml, and try the bucket.',
    load: async () => (await import('./commands/init.ts')).init,
  },
  {
    name: 'sync',
    summary: 'Mirror what lifeboat.yaml lists into the bucket, once.',
    load: async () => (await import('./commands/sync.ts')).sync,
  },
  {
    name: 'plan',
    summary: 'Show what sync would do, tag by tag, and what it would cost.',
    load: async () => (await import('./commands/sync.ts')).plan,
  },
  {
    name: 'check',
    summary: 'Check the configuration without network and secrets; also for a job in a Worker.',
    load: async () => (await import('./commands/check.ts')).check,
  },
  {
    name: 'notify',
    summary: 'Send a test message to each address that is told about runs.',
    load: async () => (await import('./commands/notify.ts')).notify,
  },
  {
    name: 'deploy',
    summary: 'Set up the edge and the job at Cloudflare, and say what they cost.',
    load: async () => (await import('./commands/deploy.ts')).deploy,
  },
  {
    name: 'status',
    summary: 'Show where each image and tag stands, and whether the mirror is fresh.',
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    name: 'history',
    summary: 'Show when tags moved and why, which tags are held, and which digests wait.',
    load: async () => (await import('./commands/history.ts')).history,
  },
  {
    name: 'approve',
    summary: 'Move tags to digests that were looked at, and end their holds.',
    load: async () => (await import('./commands/approve.ts')).approve,
  },
  {
    name: 'revert',
    summary: 'Move a tag back to an earlier digest, and hold it there.',
    load: async () => (await import('./commands/revert.ts')).revert,
  },
  {
    name: 'doctor',
    summary: 'Examine an edge as its clients use it, and say what each of them would do.',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'drill',
    summary: 'Say what clusters would lose if an upstream died now.',
    load: async () => (await import('./commands/drill.ts')).drill,
  },
  {
    name: 'prune',
    summary: 'Delete what the retention no longer keeps: a plan first, then in steps.',
    load: async () => (await import('./commands/prune.ts')).prune,
  },
  {
    name: 'verify',
    summary: 'Check that the bucket is whole, and mend what is not.',
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  {
    name: 'rescue',
    summary: 'Bring an image that upstream lost back, from an archive, a registry or a bucket.',
    load: async () => (await import('./commands/rescue.ts')).rescue,
  },
  {
    name: 'import',
    summary: "Write a lifeboat.yaml from another tool's configuration.",
    load: async () => (await import('./commands/import.ts')).importCommand,
  },
  {
    name: 'export',
    summary: 'Write images of the bucket into an OCI layout, a folder or a tar.',
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
  {
    name: 'images',
    summary: 'Find the images that files or a cluster need, and publish what a cluster runs.',
    load: async () => (await import('./commands/images.ts')).images,
  },
  {
    name: 'clients',
    summary: 'Make the configuration with which nodes and tools ask the edge.',
    load: async () => (await import('./commands/clients.ts')).clients,
  },
  {
    name: 'completion',
    summary: 'Print what makes bash, zsh or fish complete commands, options and files.',
    load: async () => (await import('./commands/completion.ts')).completionOf(COMMANDS),
  },
];

const HELP = `Lifeboat keeps clusters pulling when a registry is down. This program fills its bucket.

Usage: lifeboat COMMAND [OPTIONS]

Commands:
${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`).join('\n')}

Options:
  -h, --help     this help; after a command, the help of that command, with examples
  -V, --version  the version

Results go to standard output, in words or with --json; progress, warnings and errors to standard
error.

Example:
  npx lifeboat sync -c lifeboat.yaml
`;

/**
 * Runs one command.
 * @param args the command's name and its arguments
 * @returns the exit code. Each error has been written to `io.stderr`
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const session = sessionOf(args, io);
  try {
    return await runCommand(args, session);
  } catch (error) {
    if (error instanceof UsageError) {
      report(session, error.message, ...error.lines);
    } else if (error instanceof WrongClockError || error instanceof ProxyAddressError) {
      report(session, error.message);
    } else if (error instanceof ConfigurationError) {
      report(session, 'the configuration cannot be used.', ...error.message.split('\n'));
    } else {
      const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
      report(
        session,
        'this is a fault of Lifeboat. Please report it with the following lines.',
        ...trace.split('\n'),
      );
      return 1;
    }
    return 2;
  }
}

/** Says that `main` did not come to its end although nothing is left for it to wait for. */
export function reportUnfinished(io: Io, args: readonly string[]): void {
  report(
    sessionOf(args, io),
    'this is a fault of Lifeboat: it waits for something that never comes. What the command has done so far stays. Please report this fault.',
  );
}

function sessionOf(args: readonly string[], io: Io): Session {
  return { ...io, commandLine: findCommandLine(io.program, args, io.cwd) };
}

/** Each line stays one line, whatever it quotes. */
function report({ stderr, env, commandLine }: Session, ...lines: readonly string[]): void {
  const text = lines.map((line) => `${printable(brief(line))}\n`).join('');
  stderr.write(`${styleFor(stderr, env).bad('lifeboat:')} ${commandLine.complete(text)}`);
}

async function runCommand(args: readonly string[], session: Session): Promise<number> {
  const { stdout, stderr, commandLine } = session;
  const [name, ...rest] = args;
  if (name === undefined) {
    stderr.write(commandLine.completeHelp(HELP));
    return 2;
  }
  if (name === '--version' || name === '-V') {
    stdout.write(`${about.name} ${about.version}\n`);
    return 0;
  }
  const wantsHelp = args.includes('--help') || args.includes('-h') || name === 'help';
  const wanted = name === 'help' ? rest[0] : name;
  const entry = COMMANDS.find((one) => one.name === wanted);
  if (entry === undefined) {
    if (wanted !== undefined && !wanted.startsWith('-')) throw new UsageError(unknown(wanted));
    if (!wantsHelp) throw new UsageError(`a command has to come first, not "${name}". ${seeHelp('')}`);
    stdout.write(commandLine.completeHelp(HELP));
    return 0;
  }
  const command = await entry.load();
  if (wantsHelp) {
    stdout.write(commandLine.completeHelp(command.help));
    return 0;
  }
  return command.run(rest, session);
}

function unknown(name: string): string {
  const known = COMMANDS.map((entry) => entry.name);
  return `there is no command "${name}".${suggest(name, known)} ${seeHelp('')}`;
}
