/** The project brings its own Node: one package per platform in the lock file, so that no install script fetches it. */
import { cp, mkdir, mkdtemp, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import about from '../../package.json' with { type: 'json' };
import lock from '../../package-lock.json' with { type: 'json' };
import { runProgram } from '../support/process.ts';

const PROJECT = join(import.meta.dirname, '../..');
const STARTER = join(PROJECT, 'mirror-job/lifeboat.js');

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-node-'));
});

afterAll(() => rm(folder, { recursive: true }));

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly os?: string | readonly string[];
  readonly cpu?: string | readonly string[];
  readonly hasInstallScript?: boolean;
}

const LOCKED = new Map<string, LockedPackage>(Object.entries(lock.packages));

/** Returns an option with which Node claims to be of this version. */
function pretending(version: string): string {
  const code = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

test('the lock file pins a Node per platform, which npm installs without any script', () => {
  const pinned = Object.keys(about.optionalDependencies).map((name) => {
    const {
      version,
      integrity = '',
      optional,
      os,
      cpu,
      hasInstallScript,
    } = LOCKED.get(`node_modules/${name}`) ?? {};
    expect([name, version]).toEqual([
      name,
      Object.entries(about.optionalDependencies).find(([key]) => key === name)?.[1],
    ]);
    expect([name, optional, hasInstallScript]).toEqual([name, true, undefined]);
    expect(integrity).toMatch(/^sha512-/);
    return [os, cpu].join(' ');
  });
  expect(pinned.toSorted()).toEqual(['darwin arm64', 'darwin x64', 'linux arm64', 'linux x64', 'win32 x64']);
});

test('the list of packages with an install script is complete, and each script only installs a program of the lock file', () => {
  const scripted = [...LOCKED].filter(([, { hasInstallScript }]) => hasInstallScript === true);
  // The script of protobufjs only warns about versions.
  const expected = ['esbuild', 'protobufjs', 'workerd'].map((name) => `node_modules/${name}`);
  expect(scripted.map(([path]) => path).toSorted()).toEqual(expected);
  expect(about.allowScripts).toEqual({ esbuild: true, protobufjs: false, workerd: true });
});

test.each(Object.entries(about.optionalDependencies))(
  '%s %s is new enough for the job',
  async (_name, version) => {
    const args = [pretending(version), STARTER, '--version'];
    const { code, stdout, stderr } = await runProgram(process.execPath, args);
    expect([code, stdout, stderr]).toEqual([0, `lifeboat ${about.version}\n`, '']);
  },
);

test('npm puts the project’s Node before the system’s on the PATH of scripts and of npx', async () => {
  const shown = await runProgram('npm', ['exec', '--offline', '-c', 'command -v node && node --version'], {
    cwd: PROJECT,
  });
  const [path, version = ''] = shown.stdout.trim().split('\n');
  expect(path).toBe(join(PROJECT, 'node_modules/.bin/node'));
  expect(Object.values(about.optionalDependencies)).toContain(version.slice(1));
});

/** Copies the files that say that a Node is too old. `platform` adds the Node package of that platform. */
async function copyStarters(clone: string, platform?: string): Promise<void> {
  const files = ['lifeboat', 'runtime/node/node-version', 'runtime/node/project-node'].map(
    (name) => `mirror-job/${name}.js`,
  );
  for (const file of [...files, 'infra/local/start.js', 'infra/link-node.js']) {
    await cp(join(PROJECT, file), join(clone, file));
  }
  const optionalDependencies = { 'node-elsewhere': '24.21.0', 'node-here': '24.21.0' };
  await writeFile(join(clone, 'package.json'), JSON.stringify({ type: 'module', optionalDependencies }));
  await mkdir(join(clone, 'node_modules/.bin'), { recursive: true });
  if (platform === undefined) return;
  for (const [name, os] of [
    ['node-elsewhere', 'plan9'],
    ['node-here', platform],
  ] as const) {
    const inside = join(clone, 'node_modules', name);
    await mkdir(join(inside, 'bin'), { recursive: true });
    const described = { name, os, cpu: process.arch, bin: { node: 'bin/node' } };
    await writeFile(join(inside, 'package.json'), JSON.stringify(described));
    await symlink(process.execPath, join(inside, 'bin/node'));
  }
}

const STARTS = [
  ['lifeboat', 'mirror-job/lifeboat.js'],
  ['npm start', 'infra/local/start.js'],
] as const;

test.each([
  ['that cannot run TypeScript', '--no-strip-types', process.versions.node],
  ['whose HTTP client does not support proxies', pretending('22.20.0'), '22.20.0'],
  ['of another release line', pretending('23.11.1'), '23.11.1'],
])('a Node %s prints a command with the right Node, which can be pasted', async (_, option, version) => {
  for (const [program, file] of STARTS) {
    const clone = await mkdtemp(join(folder, 'clone-'));
    await copyStarters(clone, process.platform);
    const old = await runProgram(process.execPath, [option, join(clone, file), '--help']);
    const command = `${clone}/node_modules/node-here/bin/node ${clone}/${file}`;
    expect([old.code, old.stdout, old.stderr]).toEqual([
      2,
      '',
      `${program}: this is Node ${version}, but 22.21, or 24.5 or newer, is needed. Start it by the Node that "npm ci" has installed with the project: ${command}\n`,
    ]);
  }
});

test.each(STARTS)('the printed command starts %s', async (_program, file) => {
  expect(about.bin).toEqual({ lifeboat: 'mirror-job/lifeboat.js' });
  expect(about.scripts.start).toBe('node infra/local/start.js');
  const old = await runProgram(process.execPath, [pretending('20.20.2'), join(PROJECT, file), '--help']);
  const [, command = ''] = /with the project: (.+)\n$/.exec(old.stderr) ?? [];
  const pasted = await runProgram('sh', ['-c', `${command} --help`]);
  expect([pasted.code, pasted.stderr, pasted.stdout]).toEqual([0, '', expect.stringContaining('Usage: ')]);
});

test.each(STARTS)(
  'if no Node is installed with the project, %s says how to get one',
  async (program, file) => {
    const clone = await mkdtemp(join(folder, 'clone-'));
    await copyStarters(clone);
    const { code, stderr } = await runProgram(process.execPath, [pretending('20.20.2'), join(clone, file)]);
    expect([code, stderr]).toEqual([
      2,
      `${program}: this is Node 20.20.2, but 22.21, or 24.5 or newer, is needed. Install such a Node, or run "npm ci" in ${clone}/, which installs one there on Linux (with glibc), macOS and Windows.\n`,
    ]);
  },
);

test.each([
  ['makes the link that npm before 11 does not make', process.platform, '../node-here/bin/node'],
  ['makes no link to a Node for another platform', 'plan9', undefined],
])('npm ci %s', async (_name, platform, target) => {
  expect(about.scripts.prepare).toMatch(/^node infra\/link-node\.js && /);
  const clone = await mkdtemp(join(folder, 'clone-'));
  await copyStarters(clone, platform);
  const link = async () => {
    const { code, stderr } = await runProgram(process.execPath, [join(clone, 'infra/link-node.js')]);
    expect([code, stderr]).toEqual([0, '']);
    return readlink(join(clone, 'node_modules/.bin/node')).catch(() => undefined);
  };
  expect([await link(), await link()]).toEqual([target, target]);
});

test('a link that leads nowhere, as after a move to another platform, is replaced', async () => {
  const clone = await mkdtemp(join(folder, 'clone-'));
  await copyStarters(clone, process.platform);
  const link = join(clone, 'node_modules/.bin/node');
  await symlink('../node-gone/bin/node', link);
  const { code, stderr } = await runProgram(process.execPath, [join(clone, 'infra/link-node.js')]);
  expect([code, stderr, await readlink(link)]).toEqual([0, '', '../node-here/bin/node']);
});
