/** Tests that the completion of shells and the help of every command name the same options, with the same values. */
import { expect, test } from 'vitest';
import { runMain } from '../support/io.ts';

const fish = (await runMain(['completion', 'fish'])).stdout;
const commands = [...fish.matchAll(/^complete -c lifeboat -n __lifeboat_is_first -a (\S+) /gm)].map(
  ([, name = '']) => name,
);

/** `-c --config file`, as a help or a script describes an option. */
function describe(long: string, short: string | undefined, value: string): string {
  return `${short === undefined ? '' : `-${short} `}--${long}${value === '' ? '' : ` ${value}`}`;
}

/** @returns the options of a help: `  -c, --config FILE  …` */
function helped(help: string): string[] {
  const [, options = ''] = /\nOptions:\n(.*?)\n\n/s.exec(help) ?? [];
  return [...options.matchAll(/^ {2}(?:-(\w), | {4})--([\w-]+)(?: ([A-Z]+(?:=[A-Z]+)?))?(?: |$)/gm)].map(
    ([, short, long = '', placeholder = '']) => describe(long, short, kindOf(placeholder)),
  );
}

function kindOf(placeholder: string): string {
  if (['FILE', 'F', 'PATH'].includes(placeholder)) return 'file';
  return placeholder === 'DIR' ? 'folder' : placeholder === '' ? '' : 'value';
}

/** @returns the options of a command in the script: `… -n '__lifeboat_is sync' -l config -s c -r -F` */
function completed(command: string): string[] {
  const line = new RegExp(
    `^complete -c lifeboat -n '__lifeboat_is ${command}' -l (\\S+)(?: -s (\\w))?(.*)$`,
    'gm',
  );
  return [...fish.matchAll(line)].map(([, long = '', short, rest = '']) => {
    if (rest.includes('complete_directories')) return describe(long, short, 'folder');
    if (rest.includes('-F')) return describe(long, short, 'file');
    return describe(long, short, rest === '' ? '' : 'value');
  });
}

test('the script has every command of the help', async () => {
  const { stdout } = await runMain(['--help']);
  const [, list = ''] = /\nCommands:\n(.*?)\n\n/s.exec(stdout) ?? [];
  expect(commands).toEqual([...list.matchAll(/^ {2}(\S+)/gm)].map(([, name]) => name));
  expect(commands).toContain('completion');
});

test.each(commands)(
  '%s: each option is in the help and in the completion, with the same value',
  async (command) => {
    const { stdout } = await runMain([command, '--help']);
    expect(completed(command)).toContain('-h --help');
    expect(completed(command).toSorted()).toEqual(helped(stdout).toSorted());
  },
);

test.each([
  [[], 'name one shell: bash, zsh or fish. "lifeboat completion --help" explains it.'],
  [
    ['zhs'],
    'name one shell: bash, zsh or fish. Did you mean "zsh"? "lifeboat completion --help" explains it.',
  ],
  [['bash', 'zsh'], 'name one shell: bash, zsh or fish. "lifeboat completion --help" explains it.'],
])('completion %j is refused in a sentence', async (args, message) => {
  expect(await runMain(['completion', ...args])).toEqual({
    code: 2,
    stdout: '',
    stderr: `lifeboat: ${message}\n`,
  });
});
