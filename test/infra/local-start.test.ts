/** Tests `npm start` with a broken wrangler.toml, and with an npm that ends first. */
import { access, cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { processesWith } from '../support/installed-tree.ts';
import {
  COMPILE_CACHE,
  freePort,
  runProgram,
  startProgram,
  waitFor,
  waitForOutput,
} from '../support/process.ts';

// The limits are wide, because each test starts wrangler and workerd on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const PROJECT = join(import.meta.dirname, '../..');

let clone = '';
let good = '';

beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), 'lifeboat-local-'));
  for (const part of ['package.json', 'core', 'infra', 'mirror-job', 'worker']) {
    await cp(join(PROJECT, part), join(clone, part), { recursive: true });
  }
  await symlink(join(PROJECT, 'node_modules'), join(clone, 'node_modules'));
  good = await readFile(join(PROJECT, 'wrangler.toml'), 'utf8');
});

afterAll(() => rm(clone, { recursive: true, force: true }));

const above = (lines: string) => (toml: string) => toml.replace('[vars]', `${lines}\n[vars]`);
const instead = (line: RegExp, by: string) => (toml: string) => toml.replace(line, by);

test.each<readonly [string, ((toml: string) => string) | undefined, string]>([
  ['is missing', undefined, 'Could not read file'],
  ['is not TOML', (toml) => `name = \n${toml}`, 'Invalid TOML document: invalid value (line 1)'],
  [
    'has no bucket, as a deployment has none',
    (toml) => toml.replace(/\[\[r2_buckets[^]*/, ''),
    'no [[r2_buckets]] entry',
  ],
  [
    'has a name that wrangler refuses',
    instead(/^name.*/m, 'name = "Life Boat"'),
    'Expected "name" to be of type string',
  ],
  [
    'names a program that is not there',
    instead(/^main.*/m, 'main = "worker/none.ts"'),
    '"worker/none.ts" was not found',
  ],
  [
    'names a program that cannot be built',
    instead(/^main.*/m, 'main = "infra/systemd/lifeboat.sh"'),
    'No loader is configured',
  ],
  [
    'has a date that workerd does not know',
    instead(/2026-10-01/, '2099-01-01'),
    '"2099-01-01" is in the future',
  ],
  [
    'has a flag that workerd does not know',
    above('compatibility_flags = ["nope"]'),
    'No such compatibility flag: nope',
  ],
  [
    'binds a service that is not there',
    above('[[services]]\nbinding = "X"\nservice = "nope"'),
    'no such service is defined',
  ],
  [
    'binds a class that is not there',
    above('[[durable_objects.bindings]]\nname = "X"\nclass_name = "Nope"'),
    'not exported in your entrypoint file: Nope',
  ],
  ['has a variable that the edge refuses', instead(/"public"/, '"nobody"'), 'AUDIENCE'],
])('a wrangler.toml that %s ends npm start with advice', async (_name, change, sentence) => {
  const file = join(clone, 'wrangler.toml');
  await rm(file, { force: true });
  if (change !== undefined) await writeFile(file, change(good));
  const args = [join(clone, 'infra/local/start.js'), '--port', String(await freePort())];
  const { code, stderr } = await runProgram(process.execPath, args, {
    timeout: 100_000,
    env: COMPILE_CACHE,
  });
  expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr.trim().split('\n').at(-1)).toBe(
    `If ${file} was edited: "git checkout wrangler.toml" brings back what "npm start" needs. The settings of a deployment belong into wrangler.deploy.toml.`,
  );
});

test.each<readonly [args: string[], sentence: string]>([
  [
    ['--config', 'nope.yaml'],
    '--config nope.yaml: there is no such file. Copy lifeboat.example.yaml to it, or name another file.',
  ],
  [['--config', '.'], '--config .: this is a directory. Name another file.'],
  [['--config='], '--config names no file.'],
  [
    ['--config', 'other.yaml'],
    'other.yaml is for another store (b at https://s3.example.com), and "npm start" fills its own.',
  ],
  [['--config', 'wrong.yaml'], 'wrong.yaml:1: images: it lists no image.'],
  [['--port', '1e4'], '--port "1e4" is not a port: 1 to 65535.'],
  [['--port', '0x50'], '--port "0x50" is not a port: 1 to 65535.'],
  [['--port='], '--port "" is not a port: 1 to 65535.'],
  [['--port', '65536'], '--port "65536" is not a port: 1 to 65535.'],
])('%j ends npm start before it starts anything', async (args, sentence) => {
  await writeFile(join(clone, 'wrangler.toml'), good);
  await writeFile(
    join(clone, 'other.yaml'),
    'store: { endpoint: "https://s3.example.com", bucket: b }\nimages: [a:1]\n',
  );
  await writeFile(join(clone, 'wrong.yaml'), 'images: []\n');
  await rm(join(clone, '.wrangler'), { recursive: true, force: true });
  const port = args[0]?.startsWith('--port') === true ? [] : ['--port', String(await freePort())];
  const { code, stdout, stderr } = await runProgram(
    process.execPath,
    [join(clone, 'infra/local/start.js'), ...port, ...args],
    { cwd: clone, timeout: 100_000, env: COMPILE_CACHE },
  );
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(`npm start: ${sentence}`)]);
  await expect(access(join(clone, '.wrangler'))).rejects.toThrow('ENOENT');
});

test('a wrangler.toml that has a deployment’s routes and store still starts the local edge', async () => {
  const routes = 'routes = [{ pattern = "lifeboat.example.com", custom_domain = true }]';
  const store = '[vars]\nS3_ENDPOINT = "https://account.r2.cloudflarestorage.com"\nS3_BUCKET = "other"';
  await writeFile(join(clone, 'wrangler.toml'), above(routes)(good).replace(/^\[vars\]/m, store));
  const args = [join(clone, 'infra/local/start.js'), '--port', String(await freePort())];
  const program = await startProgram(process.execPath, args);
  try {
    await waitForOutput(program, /Ctrl-C stops it/, 100_000);
  } finally {
    await program.stop(10_000);
  }
  expect(program.stdout()).toMatch(/\nStopped\.\n$/);
});

test('SIGTERM to npm alone ends all processes that npm start has started', async () => {
  await writeFile(join(clone, 'wrangler.toml'), good);
  const port = await freePort();
  const running = async () => [
    ...(await processesWith(`infra/local/start.js --port ${port}`)),
    ...(await processesWith(`127.0.0.1:${port}`)),
  ];
  const npm = await startProgram('npm', ['start', '--', '--port', String(port)], { cwd: clone });
  try {
    await waitForOutput(npm, /Ctrl-C stops it/, 100_000);
    // These are the shell, Node and workerd.
    expect(await running()).toHaveLength(3);
    npm.kill('SIGTERM');
    await waitFor('the end of all', async () => (await running()).length === 0);
  } finally {
    await npm.stop(10_000);
  }
});
