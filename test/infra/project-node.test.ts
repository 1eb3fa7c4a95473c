/** The Node that the project brings: a package per platform in the lock file, which no install script has to fetch. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
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
  readonly os?: string;
  readonly cpu?: string;
  readonly hasInstallScript?: boolean;
}

const LOCKED = new Map<string, LockedPackage>(Object.entries(lock.packages));

/** Starts as if Node were of this version. */
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
    return `${os} ${cpu}`;
  });
  expect(pinned.toSorted()).toEqual(['darwin arm64', 'darwin x64', 'linux arm64', 'linux x64', 'win32 x64']);
});

test('packages with an install script are known: each only puts a program in place that is in the lock file', () => {
  const scripted = [...LOCKED].filter(([, { hasInstallScript }]) => hasInstallScript === true);
  // protobufjs only warns about versions.
  const known = ['esbuild', 'protobufjs', 'workerd'].map((name) => `node_modules/${name}`);
  expect(scripted.map(([path]) => path).toSorted()).toEqual(known);
  expect(Object.keys(about.allowScripts)).toEqual(['esbuild', 'workerd']);
});

test.each(Object.entries(about.optionalDependencies))(
  '%s %s is new enough for the job',
  async (_name, version) => {
    const args = [pretending(version), STARTER, '--version'];
    const { code, stdout, stderr } = await runProgram(process.execPath, args);
    expect([code, stdout, stderr]).toEqual([0, `lifeboat ${about.version}\n`, '']);
  },
);

test('npm puts it before the system’s Node on the PATH of scripts and of npx', async () => {
  const shown = await runProgram('npm', ['exec', '--offline', '-c', 'command -v node && node --version'], {
    cwd: PROJECT,
  });
  const [path, version = ''] = shown.stdout.trim().split('\n');
  expect(path).toBe(join(PROJECT, 'node_modules/.bin/node'));
  expect(Object.values(about.optionalDependencies)).toContain(version.slice(1));
});

test.each([
  ['that cannot run TypeScript', '--no-strip-types', process.versions.node],
  ['whose client knows no proxies', pretending('22.20.0'), '22.20.0'],
  ['of another line', pretending('23.11.1'), '23.11.1'],
])('a Node %s says which Node to use, as a command that can be pasted', async (_, option, version) => {
  expect(about.bin).toEqual({ lifeboat: 'mirror-job/lifeboat.js' });
  const old = await runProgram(process.execPath, [option, STARTER, '--version']);
  const command = `${PROJECT}/node_modules/.bin/node ${STARTER}`;
  expect([old.code, old.stdout, old.stderr]).toEqual([
    2,
    '',
    `lifeboat: this is Node ${version}, but the job needs 22.21, or 24.5 or newer. Start it by the Node that "npm ci" has installed with the project: ${command}\n`,
  ]);
  const pasted = await runProgram('sh', ['-c', `${command} --version`]);
  expect([pasted.code, pasted.stdout]).toEqual([0, `lifeboat ${about.version}\n`]);
});

test('where no Node was installed with the project, the sentence says how to get one', async () => {
  for (const file of ['package.json', 'mirror-job/lifeboat.js', 'mirror-job/bundled.js']) {
    await cp(join(PROJECT, file), join(folder, file));
  }
  const args = [pretending('20.20.2'), join(folder, 'mirror-job/lifeboat.js'), '--version'];
  const { code, stderr } = await runProgram(process.execPath, args);
  expect([code, stderr]).toEqual([
    2,
    `lifeboat: this is Node 20.20.2, but the job needs 22.21, or 24.5 or newer. Install such a Node, or run "npm ci" in ${folder}/, which installs one there on Linux (with glibc), macOS and Windows.\n`,
  ]);
});
