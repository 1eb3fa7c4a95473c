/** Tests the scripts of `lifeboat completion` in real shells: what a tab makes of a line that somebody has typed. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../support/process.ts';
import { requireProgram } from '../support/programs.ts';

const MAIN = join(import.meta.dirname, '../../mirror-job/start.ts');
const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-completion-'));
  // A folder with the name of a command must not get between.
  await Promise.all(['images', 'sub'].map((name) => mkdir(join(folder, name))));
  await Promise.all(['lifeboat.yaml', 'a b.json'].map((name) => writeFile(join(folder, name), '')));
  for (const shell of SHELLS) {
    const { code, stdout } = await runProgram(process.execPath, [MAIN, 'completion', shell]);
    if (code !== 0) throw new Error(`The script for ${shell} was not printed.`);
    await writeFile(join(folder, `completion.${shell}`), stdout);
  }
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** How each shell starts without the files of this machine's users, and loads the script. */
const STARTS = {
  bash: ['bash --norc --noprofile -i', 'source ./completion.bash'],
  zsh: ['zsh -f -i', 'autoload -Uz compinit; compinit -u -d ./zcompdump; source ./completion.zsh'],
} as const;

/** Types a line on a terminal with a tab after it, and runs it. @returns the arguments that the program got */
async function complete(shell: Shell, line: string): Promise<readonly string[]> {
  if (shell === 'fish') return completeFish(line);
  const [start, load] = STARTS[shell];
  // bash is on every machine that runs these tests.
  if (shell === 'zsh') await requireProgram('zsh');
  const script = await requireProgram('script');
  const program = `lifeboat() { printf 'got:'; printf '<%s>' "$@"; echo; }`;
  const { stdout } = await runProgram(script, ['-qec', start, '/dev/null'], {
    cwd: folder,
    env: { TERM: 'xterm' },
    input: `${load}\n${program}\n${line}\t\nexit\n`,
  });
  const [, args] = /got:((?:<[^>]*>)+)/.exec(stdout) ?? [];
  if (args === undefined) throw new Error(`The line was not run:\n${stdout}`);
  return args.slice(1, -1).split('><');
}

/** fish says what a tab would offer. One offer takes the place of the last word. */
async function completeFish(line: string): Promise<readonly string[]> {
  const fish = await requireProgram('fish');
  const command = `source ./completion.fish; complete -C ${JSON.stringify(line)}`;
  const { stdout } = await runProgram(fish, ['-N', '-c', command], { cwd: folder, env: { HOME: folder } });
  const offers = stdout.split('\n').flatMap((offer) => (offer === '' ? [] : [offer.split('\t')[0] ?? '']));
  const words = line.split(' ').slice(1);
  const [only = words.at(-1) ?? ''] = offers;
  if (offers.length > 1) throw new Error(`There are several offers:\n${stdout}`);
  return [...words.slice(0, -1), only];
}

const CASES: readonly [line: string, args: readonly string[]][] = [
  ['lifeboat stat', ['status']],
  ['lifeboat ima', ['images']],
  ['lifeboat completion z', ['completion', 'zsh']],
  ['lifeboat help hist', ['help', 'history']],
  ['lifeboat sync --rep', ['sync', '--report']],
  ['lifeboat plan --dry', ['plan', '--dry']],
  ['lifeboat history --hel', ['history', '--help']],
  ['lifeboat sync -c lif', ['sync', '-c', 'lifeboat.yaml']],
  ['lifeboat sync --config=lif', ['sync', '--config=lifeboat.yaml']],
  ['lifeboat approve --file a', ['approve', '--file', 'a b.json']],
  ['lifeboat import lif', ['import', 'lifeboat.yaml']],
  ['lifeboat clients --order up', ['clients', '--order', 'upstream-first']],
  ['lifeboat images --format haul', ['images', '--format', 'hauler']],
  ['lifeboat clients podm', ['clients', 'podman']],
  // Only folders are offered, only a person knows a number, and no file is an image.
  ['lifeboat clients --out lif', ['clients', '--out', 'lif']],
  ['lifeboat history --limit lif', ['history', '--limit', 'lif']],
  ['lifeboat sync lif', ['sync', 'lif']],
];

test.each(SHELLS.flatMap((shell) => CASES.map(([line, args]) => [shell, line, args] as const)))(
  '%s makes of "%s" %j',
  async (shell, line, args) => {
    expect(await complete(shell, line)).toEqual(args);
  },
);
