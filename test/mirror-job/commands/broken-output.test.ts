/** Tests what happens when nobody reads the output any more, or when it cannot be written. */
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { NOBODYS } from '../../support/nobody.ts';
import { runProgram } from '../../support/process.ts';

vi.setConfig({ testTimeout: 60_000 });

const ROOT = join(import.meta.dirname, '../../..');

async function helpInto(redirection: string) {
  const script = `"$1" mirror-job/start.ts --help ${redirection}`;
  return runProgram('bash', ['-o', 'pipefail', '-c', script, 'bash', process.execPath], {
    cwd: ROOT,
    env: NOBODYS,
  });
}

test('an output that cannot be written is an error of one line', async () => {
  const { code, stderr } = await helpInto('> /dev/full');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^lifeboat: standard output cannot be written: ENOSPC: .+\n$/);
});

test('a reader that has left is no error', async () => {
  const { code, stderr } = await helpInto('| true');
  expect([code, stderr]).toEqual([0, '']);
});
