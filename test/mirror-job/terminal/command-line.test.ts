/** Tests that the commands which messages suggest start as this process was started, and name its configuration. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  CommandLine,
  findCommandLine,
  findProgram,
  type Start,
} from '../../../mirror-job/terminal/command-line.ts';

const CLONE = '/opt/lifeboat';
const BIN = `${CLONE}/mirror-job/lifeboat.js`;

function started(how: Partial<Start> & { readonly args?: string[] }): CommandLine {
  const { script = BIN, args = [], argv0 = 'node', execArgv = [], env = {}, cwd = '/clone' } = how;
  return findCommandLine(findProgram({ argv0, execArgv, script, env, cwd }), args, cwd);
}

const PATH = '/usr/local/bin:/usr/bin';
const NPX = { npm_command: 'exec', PATH: `/home/a/.npm/_npx/1f/node_modules/.bin:${PATH}` };

test.each<[string, string, Parameters<typeof started>[0]]>([
  [
    'npx in a clone',
    'npx lifeboat',
    { script: '/home/a/.npm/_npx/1f/node_modules/.bin/lifeboat', env: NPX, cwd: CLONE },
  ],
  [
    'npx beside an installed package',
    'npx lifeboat',
    { script: '/clone/node_modules/.bin/lifeboat', env: { npm_command: 'exec', PATH } },
  ],
  [
    'pnpm',
    'npx lifeboat',
    { script: '/clone/node_modules/.bin/lifeboat', env: { npm_config_user_agent: 'pnpm/10', PATH } },
  ],
  ['npm start in a clone', 'npx lifeboat', { script: `${CLONE}/mirror-job/start.ts`, env: NPX, cwd: CLONE }],
  ['a folder below a clone', 'npx lifeboat', { env: { npm_command: 'run' }, cwd: `${CLONE}/docs` }],
  ['npm elsewhere', `node ${BIN}`, { env: { npm_command: 'run' }, cwd: '/opt/lifeboat-2' }],
  ['lifeboat on PATH', 'lifeboat', { script: '/usr/local/bin/lifeboat', env: { PATH } }],
  ['lifeboat elsewhere', '/srv/bin/lifeboat', { script: '/srv/bin/lifeboat', env: { PATH } }],
  ['the script', `node ${BIN}`, { cwd: CLONE }],
  [
    "a unit, by the clone's own Node",
    `${CLONE}/node_modules/.bin/node ${BIN}`,
    { argv0: `${CLONE}/node_modules/.bin/node` },
  ],
  [
    'a script of another name, which names itself',
    'lifeboat',
    { argv0: `${CLONE}/node_modules/.bin/node`, env: { LIFEBOAT_COMMAND: 'lifeboat', PATH } },
  ],
  ['a script that does not name itself', `node ${BIN}`, { env: { LIFEBOAT_COMMAND: '', PATH } }],
  ['Node with options', `node --use-system-ca ${BIN}`, { execArgv: ['--use-system-ca'] }],
  [
    'a folder with a blank',
    `node '/opt/my lifeboat/lifeboat.js'`,
    { script: '/opt/my lifeboat/lifeboat.js' },
  ],
])('suggested commands start as the process was started (%s): %s', (_, program, how) => {
  expect(started(how).for('approve a.b/c:1')).toBe(`${program} approve a.b/c:1`);
});

test.each([
  [[], ''],
  [['sync'], ''],
  [['sync', '-c', 'lifeboat.yaml'], ''],
  [['sync', '-c', './lifeboat.yaml'], ''],
  [['sync', '-c', '/etc/lifeboat/lifeboat.yaml', 'a.b/c:1'], ' -c /etc/lifeboat/lifeboat.yaml'],
  [['sync', '-cmirror.yaml'], ' -c mirror.yaml'],
  [['plan', 'a.b/c:1', '--config=../mirror.yaml', '--all'], ' -c ../mirror.yaml'],
  [['sync', '-c', 'one.yaml', '--config', 'two.yaml'], ' -c two.yaml'],
  [['sync', '--config=-odd.yaml'], ' --config=-odd.yaml'],
  [['sync', '-c', "it's $HOME.yaml"], String.raw` -c 'it'\''s $HOME.yaml'`],
  [['revert', 'a.b/c:1', '--reason', 'crashes', '-c', 'm.yaml'], ' -c m.yaml'],
  [['sync', '-c'], ''],
  [['sync', '--unknown', '--', '-c', 'x.yaml'], ''],
])('suggested commands after the arguments %j have "%s"', (args, option) => {
  const commandLine = started({ args });
  expect(commandLine.for('history a.b/c')).toBe(`node ${BIN} history${option} a.b/c`);
  expect(commandLine.for('import x.yml')).toBe(`node ${BIN} import x.yml`);
  expect(commandLine.for('sync --help')).toBe(`node ${BIN} sync --help`);
  expect(commandLine.for('--help')).toBe(`node ${BIN} --help`);
});

test('the commands in a text are completed once, and the rest of the text stays', () => {
  const commandLine = new CommandLine('lifeboat', 'm.yaml');
  const text =
    'Run "lifeboat sync" or "lifeboat sync a.b/c:1" first; lifeboat is "lifeboat". "lifeboat --help".';
  const complete =
    'Run "lifeboat sync -c m.yaml" or "lifeboat sync -c m.yaml a.b/c:1" first; lifeboat is "lifeboat". "lifeboat --help".';
  expect(commandLine.complete(text)).toBe(complete);
  expect(commandLine.complete(complete)).toBe(complete);
  expect(new CommandLine().complete(text)).toBe(text);
  expect(new CommandLine('node /a$&b').complete('"lifeboat sync"')).toBe('"node /a$&b sync"');
});

test('the examples of a help text start as the suggested commands do', () => {
  const help =
    'Usage: lifeboat sync\n\nExamples:\n  npx lifeboat sync\n  npx lifeboat sync x | npx lifeboat drill -\n\nlifeboat() { npx lifeboat "$@"; }\n';
  expect(new CommandLine('lifeboat').completeHelp(help)).toBe(
    'Usage: lifeboat sync\n\nExamples:\n  lifeboat sync\n  lifeboat sync x | lifeboat drill -\n\nlifeboat() { npx lifeboat "$@"; }\n',
  );
});

test('every command in a message is quoted, so that it is completed', async () => {
  const root = join(import.meta.dirname, '../../../mirror-job');
  const files = (await readdir(root, { recursive: true })).filter((name) => /\/.*\.ts$/.test(name));
  expect(files.length).toBeGreaterThan(100);
  const bare: string[] = [];
  for (const file of files) {
    const text = (await readFile(join(root, file), 'utf8'))
      .replaceAll(/^ *(?:\/\/|\/?\*).*$/gm, '')
      // A help text is left out, because it has examples, and is completed in another way.
      .replaceAll(/\bhelp: `.*?(?<!\\)`/gs, '');
    for (const [line] of text.matchAll(
      /^.*(?<!")\blifeboat (?:sync|plan|history|approve|revert|export|import)\b.*$/gm,
    ))
      bare.push(`${file}: ${line.trim()}`);
  }
  expect(bare).toEqual([]);
});
