/** The modules of infra/opentofu, as OpenTofu reads them without a network. Their providers' schemas need one. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from '../support/process.ts';
import { requireProgram } from '../support/programs.ts';

const MODULES = resolve(import.meta.dirname, '../../infra/opentofu');

async function tofu(cwd: string, ...args: readonly string[]) {
  // The settings of the tests' user count for nothing.
  const env = { TF_CLI_CONFIG_FILE: '/dev/null', TF_IN_AUTOMATION: '1', CHECKPOINT_DISABLE: '1' };
  return runProgram(await requireProgram('tofu'), args, { cwd, env });
}

test('the files are formatted as tofu fmt does it', async () => {
  expect(await tofu(MODULES, 'fmt', '-check', '-recursive', '-diff')).toMatchObject({ code: 0, stdout: '' });
});

test('OpenTofu loads the example and both of its modules, for these versions of the providers', async () => {
  const copy = await mkdtemp(join(tmpdir(), 'lifeboat-opentofu-'));
  try {
    await cp(MODULES, copy, { recursive: true });
    const example = join(copy, 'example');
    expect(await tofu(example, 'get', '-no-color')).toMatchObject({ code: 0, stderr: '' });
    const { code, stdout, stderr } = await tofu(example, 'providers', '-no-color');
    expect([code, stderr]).toEqual([0, '']);
    const required = [...stdout.matchAll(/provider\[.*\/(\w+)\] (.+)/g)].map(([, ...words]) =>
      words.join(' '),
    );
    const [aws, cloudflare] = ['aws >= 6.0.0, < 7.0.0', 'cloudflare >= 5.13.0, < 6.0.0'];
    expect(required.toSorted()).toEqual([aws, aws, cloudflare, cloudflare]);
  } finally {
    await rm(copy, { recursive: true });
  }
});
