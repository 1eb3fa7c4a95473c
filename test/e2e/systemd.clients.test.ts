/** systemd's own programs check the units, and the drop-ins of the documentation. They work without a running systemd. */
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

async function dropIn(part: string, page = 'infra/README.md'): Promise<string> {
  const found = (await codeBlocksOf(page)).find(
    (block) => block.startsWith('[Service]') && block.includes(part),
  );
  if (found === undefined) throw new Error(`${page} has no drop-in with ${part}`);
  return found;
}

/** Writes the unit with these drop-ins, as one file, because `security --offline` takes one file. */
async function unitWith(name: string, ...dropIns: readonly string[]): Promise<string> {
  const unit = await readFile(join(UNITS, name), 'utf8');
  const file = join(folder, name);
  await writeFile(file, [unit, ...dropIns].join('\n'));
  return file;
}

const JOB = 'lifeboat.service';
const EDGE = 'lifeboat-edge.service';

test.each([
  ['the job’s unit', async () => unitWith(JOB)],
  ['the job’s unit with the drop-in for metrics', async () => unitWith(JOB, await dropIn('--metrics'))],
  ['the job’s unit with the drop-in for logins', async () => unitWith(JOB, await dropIn('LoadCredential'))],
  ['the check’s unit', async () => unitWith('lifeboat-verify.service')],
  ['the edge’s unit', async () => unitWith(EDGE)],
  [
    'the edge’s unit with the drop-in for TLS',
    async () => unitWith(EDGE, await dropIn('tls.capnp', 'docs/self-hosting.md')),
  ],
])('the exposure of %s is at most 2 of 10', async (_name, write) => {
  const args = ['security', '--offline=true', '--no-pager', await write()];
  const { stdout, stderr } = await runProgram(analyze, args);
  const [, exposure] = /Overall exposure level for lifeboat[\w-]*\.service: ([\d.]+)/.exec(stdout) ?? [];
  expect([stderr, exposure]).toEqual(['', expect.stringMatching(/^\d+\.\d$/)]);
  expect(Number(exposure)).toBeLessThanOrEqual(MOST_EXPOSURE);
});

test('systemd understands each line of the services and of the timer', async () => {
  const tls = await dropIn('tls.capnp', 'docs/self-hosting.md');
  for (const written of [await unitWith(JOB), await unitWith(EDGE), await unitWith(EDGE, tls)]) {
    const service = await readFile(written, 'utf8');
    // The program of the unit is replaced, because `verify` looks for it, and it has another path on this machine.
    await writeFile(written, service.replaceAll(/^ExecStart=\S+/gm, 'ExecStart=/bin/true'));
    await writeFile(join(folder, 'lifeboat.timer'), await readFile(join(UNITS, 'lifeboat.timer'), 'utf8'));
    const timer = written.endsWith(JOB) ? [join(folder, 'lifeboat.timer')] : [];
    const { code, stdout, stderr } = await runProgram(analyze, ['verify', '--man=no', written, ...timer]);
    expect([code, stdout, stderr]).toEqual([0, '', '']);
  }
});
