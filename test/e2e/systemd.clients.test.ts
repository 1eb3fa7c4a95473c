/** systemd's own programs check the unit, and the drop-ins of infra/README.md. They work without a running systemd. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { codeBlocksOf } from '../support/code-block.ts';
import { runProgram } from '../support/process.ts';
import { requireProgram } from '../support/programs.ts';

const UNITS = join(import.meta.dirname, '../../infra/systemd');
/** The highest exposure that `systemd-analyze security` may report, on a scale of 10. */
const MOST_EXPOSURE = 2;

let analyze = '';
let folder = '';

beforeAll(async () => {
  analyze = await requireProgram('systemd-analyze');
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-systemd-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function dropIn(part: string): Promise<string> {
  const found = (await codeBlocksOf('infra/README.md')).find(
    (block) => block.startsWith('[Service]') && block.includes(part),
  );
  if (found === undefined) throw new Error(`infra/README.md has no drop-in with ${part}`);
  return found;
}

/** Writes the unit with these drop-ins, as one file, because `security --offline` takes one file. */
async function unitWith(...dropIns: readonly string[]): Promise<string> {
  const unit = await readFile(join(UNITS, 'lifeboat.service'), 'utf8');
  const file = join(folder, 'lifeboat.service');
  await writeFile(file, [unit, ...dropIns].join('\n'));
  return file;
}

test.each([
  ['the unit', async () => unitWith()],
  ['the unit with the drop-in for metrics', async () => unitWith(await dropIn('--metrics'))],
  ['the unit with the drop-in for logins', async () => unitWith(await dropIn('LoadCredential'))],
])('the exposure of %s is at most 2 of 10', async (_name, write) => {
  const args = ['security', '--offline=true', '--no-pager', await write()];
  const { stdout, stderr } = await runProgram(analyze, args);
  const [, exposure] = /Overall exposure level for lifeboat\.service: ([\d.]+)/.exec(stdout) ?? [];
  expect([stderr, exposure]).toEqual(['', expect.stringMatching(/^\d+\.\d$/)]);
  expect(Number(exposure)).toBeLessThanOrEqual(MOST_EXPOSURE);
});

test('systemd understands each line of the service and of the timer', async () => {
  const service = await readFile(await unitWith(), 'utf8');
  // The program of the unit is replaced, because `verify` looks for it, and it has another path on this machine.
  await writeFile(
    join(folder, 'lifeboat.service'),
    service.replaceAll(/^ExecStart=\S+/gm, 'ExecStart=/bin/true'),
  );
  await writeFile(join(folder, 'lifeboat.timer'), await readFile(join(UNITS, 'lifeboat.timer'), 'utf8'));
  const files = ['lifeboat.service', 'lifeboat.timer'].map((name) => join(folder, name));
  const { code, stdout, stderr } = await runProgram(analyze, ['verify', '--man=no', ...files]);
  expect([code, stdout, stderr]).toEqual([0, '', '']);
});
