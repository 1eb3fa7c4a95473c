/** Starts a checkout's command line as its users do, and records its output. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NOBODYS } from '../nobody.ts';
import { runProgram } from '../process.ts';
import type { Recorder } from './recording.ts';

/** The environment has nobody's logins, and no CI, whose variables would name the person who approves. */
const ENVIRONMENT = {
  ...NOBODYS,
  GITHUB_ACTOR: '',
  GITHUB_TRIGGERING_ACTOR: '',
  GITLAB_USER_LOGIN: '',
  BUILDKITE_BUILD_CREATOR: '',
  CIRCLE_USERNAME: '',
  BUILD_REQUESTEDFOR: '',
  BUILD_USER_ID: '',
  SUDO_USER: '',
  LIFEBOAT_COMMAND: '',
  NODE_OPTIONS: '',
};

export interface CommandLineOptions {
  readonly recorder: Recorder;
  /** The checkout whose commands run. */
  readonly tree: string;
  /** The folder in which the commands run, and in which their files are. */
  readonly folder: string;
}

export class CommandLine {
  readonly #options: CommandLineOptions;

  constructor(options: CommandLineOptions) {
    this.#options = options;
  }

  /** Returns the absolute path of a file in the folder of the commands. */
  path(name: string): string {
    return join(this.#options.folder, name);
  }

  /** Writes a configuration, as JSON, which is YAML. A text is written as it is. */
  async configure(name: string, configuration: object | string): Promise<void> {
    const text =
      typeof configuration === 'string' ? configuration : JSON.stringify(configuration, undefined, 2);
    await writeFile(this.path(name), text);
  }

  /** Runs `lifeboat ARGUMENTS`, and records its output and exit code under `step`. @returns its standard output */
  async run(
    step: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const { recorder, tree, folder } = this.#options;
    const script = join(tree, 'mirror-job/lifeboat.js');
    const { code, signal, stdout, stderr } = await runProgram(process.execPath, [script, ...args], {
      cwd: folder,
      env: {
        ...ENVIRONMENT,
        HOME: folder,
        DOCKER_CONFIG: folder,
        XDG_RUNTIME_DIR: '',
        XDG_CONFIG_HOME: '',
        ...env,
      },
      timeout: 300_000,
    });
    recorder.add(step, 'command', `lifeboat ${args.join(' ')}`);
    recorder.add(step, 'exit code', String(code ?? signal));
    recorder.add(step, 'stdout', stdout);
    recorder.add(step, 'stderr', stderr);
    return stdout;
  }
}
