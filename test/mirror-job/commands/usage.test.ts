/** Tests the command line as people type it, in a process of its own: all answers that need no store. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { freePort, runProgram, type Finished } from '../../support/process.ts';
import { bundledJob } from '../../support/shared.ts';

// The limits are wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = await bundledJob();
/** Printed commands begin with the words that started this process, so that they can be pasted. */
const LIFEBOAT = `${process.execPath} ${MAIN}`;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-usage-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function lifeboat(...args: string[]): Promise<Finished> {
  return runProgram(process.execPath, [MAIN, ...args], { cwd: folder, timeout: 30_000 });
}

test.each([
  [
    ['--help'],
    /^Lifeboat keeps clusters pulling.*\n\nUsage: lifeboat COMMAND.*Example:\n {2}\S+ \S+main\.cjs sync/s,
  ],
  [['-h'], /^Lifeboat keeps clusters pulling/],
  [['help'], /^Lifeboat keeps clusters pulling/],
  [
    ['sync', '--help'],
    /^Usage: lifeboat sync .*Exit code:\n {2}0 {2}done.*Examples:\n {2}\S+ \S+main\.cjs sync\n/s,
  ],
  [['sync', '-c', 'x', '-h'], /^Usage: lifeboat sync /],
  [['help', 'plan'], /^Usage: lifeboat plan .*Examples:\n {2}\S+ \S+main\.cjs plan\n/s],
  [['--help', 'sync'], /^Lifeboat keeps clusters pulling/],
  [['help', 'sync'], /^Usage: lifeboat sync /],
  [['--version'], /^lifeboat \d+\.\d+\.\d+\n$/],
])('%j prints the help or the version on standard output', async (args, expected) => {
  const { code, stdout, stderr } = await lifeboat(...args);
  expect(stdout).toMatch(expected);
  expect([code, stderr]).toEqual([0, '']);
});

test('the help of every command fits on 100 columns', async () => {
  const help = await lifeboat('--help');
  // The list of commands has them all.
  const [, list = ''] = help.stdout.split('Commands:\n');
  const commands = [...(list.split('\n\n')[0] ?? '').matchAll(/^ {2}(\S+)/gm)].map(([, name = '']) => name);
  expect(commands).toContain('images');
  const outputs = await Promise.all(commands.map((command) => lifeboat(command, '--help')));
  const lines = [help, ...outputs].flatMap(({ stdout }) =>
    stdout.replaceAll(LIFEBOAT, 'npx lifeboat').split('\n'),
  );
  expect(lines.filter((line) => line.length > 100)).toEqual([]);
});

test.each([
  [['sink'], `there is no command "sink". Did you mean "sync"? "${LIFEBOAT} --help" explains it.`],
  [['frobnicate'], `there is no command "frobnicate". "${LIFEBOAT} --help" explains it.`],
  [['--json', 'sync'], `a command has to come first, not "--json". "${LIFEBOAT} --help" explains it.`],
  [
    ['sync', '--jsno'],
    `there is no option "--jsno". Did you mean "--json"? "${LIFEBOAT} sync --help" explains it.`,
  ],
  [
    ['sync', '--reports', 'x'],
    `there is no option "--reports". Did you mean "--report"? "${LIFEBOAT} sync --help" explains it.`,
  ],
  [['sync', '-x'], `there is no option "-x". "${LIFEBOAT} sync --help" explains it.`],
  [
    ['sync', '--all'],
    `--all shows tags of a plan: use it with --dry-run. "${LIFEBOAT} sync --help" explains it.`,
  ],
  [
    ['sync', '--dry-run', '--metrics', 'x.prom'],
    `--metrics needs a run, and --dry-run makes none: leave one of the two options out. "${LIFEBOAT} sync --help" explains it.`,
  ],
  [
    ['sync', '--json', '--report', '/dev/stdout'],
    `only one of --json and --report can go to standard output. Name a file instead. "${LIFEBOAT} sync --help" explains it.`,
  ],
  [
    ['sync', '--report', '/dev/stdout', '--metrics', '/dev/fd/1'],
    `only one of --report and --metrics can go to standard output. Name a file instead. "${LIFEBOAT} sync --help" explains it.`,
  ],
  [
    ['sync', '--report', 'report.json', '--metrics', './report.json'],
    `--report and --metrics name the same file, report.json, which can hold only one of the two. "${LIFEBOAT} sync --help" explains it.`,
  ],
  [
    ['sync', '--metrics', '/dev/stdout', '--json'],
    `only one of --json and --metrics can go to standard output. Name a file instead. "${LIFEBOAT} sync --help" explains it.`,
  ],
  [
    ['plan', '--json', '--report', '/proc/self/fd/1'],
    `only one of --json and --report can go to standard output. Name a file instead. "${LIFEBOAT} plan --help" explains it.`,
  ],
  [['plan', '--dry-run'], `there is no option "--dry-run". "${LIFEBOAT} plan --help" explains it.`],
  [['sync', '-c'], `Option '-c, --config <value>' argument missing. "${LIFEBOAT} sync --help" explains it.`],
  [['sync', '--json=1'], `Option '--json' does not take an argument. "${LIFEBOAT} sync --help" explains it.`],
  [['sync', '--report', '.'], '--report .: this is a directory. Name a file.'],
  [['sync', '--metrics', '.'], '--metrics .: this is a directory. Name a file.'],
  [['sync', '--report', ''], '--report names no file.'],
  [['plan', '--report='], '--report names no file.'],
  [['sync', '--metrics', ''], '--metrics names no file.'],
  [['export', 'alpine:3.20', '--to', ''], '--to names neither a folder nor a file.'],
  [
    ['sync', '--report', 'absent/report.json'],
    '--report absent/report.json: it cannot be written (ENOENT). Its directory has to exist, and this user has to be allowed to write in it.',
  ],
  [
    ['sync', '--report', `${process.execPath}/report.json`],
    `--report ${process.execPath}/report.json: it cannot be written (ENOTDIR). Its directory has to exist, and this user has to be allowed to write in it.`,
  ],
])('%j is refused in a sentence', async (args, message) => {
  const { code, stdout, stderr } = await lifeboat(...args);
  expect([code, stdout, stderr]).toEqual([2, '', `lifeboat: ${message}\n`]);
});

test('lifeboat without a command prints the help as an error', async () => {
  const { code, stdout, stderr } = await lifeboat();
  expect(stderr).toMatch(/^Lifeboat keeps clusters pulling/);
  expect([code, stdout]).toEqual([2, '']);
});

test('sync without a configuration names the missing file and ends with exit code 2', async () => {
  const { code, stdout, stderr } = await lifeboat('sync', '--json');
  expect([code, stdout, stderr]).toEqual([
    2,
    '',
    `lifeboat: the configuration cannot be used.\nlifeboat.yaml: there is no such file. Name the configuration with -c FILE; "${LIFEBOAT} init" writes a first one.\n`,
  ]);
});

test('every problem of a configuration is on a line of its own, and nothing is written', async () => {
  const file = join(folder, 'wrong.yaml');
  await writeFile(file, 'store:\n  bucket: ${LIFEBOAT_ABSENT}\n  secretAccessKey: ${LIFEBOAT_ABSENT_TOO}\n');
  const { code, stderr } = await lifeboat('sync', '-c', file, '--report', 'report.json');
  expect(stderr).toBe(`lifeboat: the configuration cannot be used.
${file}:2: store.bucket: the environment variable LIFEBOAT_ABSENT is not set. Set it, or replace \${LIFEBOAT_ABSENT} by its value.
${file}:3: store.secretAccessKey: the environment variable LIFEBOAT_ABSENT_TOO is not set. Set it, or replace \${LIFEBOAT_ABSENT_TOO} by its value.
`);
  expect([code, await readdir(folder)]).toEqual([2, ['wrong.yaml']]);
});

const BROKEN = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

test.each([
  ['missing', 'absent.pem', undefined, 'cannot be read (ENOENT)'],
  ['a folder', '.', undefined, 'cannot be read (EISDIR)'],
  ['something else', 'text.pem', 'hello', 'holds no certificate, or one that cannot be read'],
  ['broken', 'broken.pem', BROKEN, 'holds no certificate, or one that cannot be read'],
])('a file of root certificates that is %s is refused with its line', async (_name, roots, text, why) => {
  const file = join(folder, 'roots.yaml');
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  if (text !== undefined) await writeFile(join(folder, roots), text);
  await writeFile(
    file,
    `store: { endpoint: "${endpoint}", bucket: b }\nupstreams:\n  a.b: { ca: ${roots} }\nimages: [a.b/c:1]\n`,
  );
  const { code, stderr } = await lifeboat('sync', '-c', file);
  expect(stderr).toBe(`lifeboat: the configuration cannot be used.
${file}:3: upstreams["a.b"].ca: ${join(folder, roots)} ${why}. It has to be a PEM file of root certificates.
`);
  expect(code).toBe(2);
});
