/** Where a report goes, as far as only some machines have such places. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { refuseUnwritable, writeNewOutput, writeOutput } from '../../mirror-job/output-file.ts';

const MEMORY = '/dev/shm';

test.runIf(existsSync(MEMORY))(
  'a file in memory is written as a file, though it lies among devices',
  async () => {
    const folder = await mkdtemp(join(MEMORY, 'lifeboat-'));
    try {
      const file = join(folder, 'report.json');
      await refuseUnwritable('--report', file);
      await writeOutput(file, 'whole');
      expect(await readFile(file, 'utf8')).toBe('whole');
      expect(await readdir(folder)).toEqual(['report.json']);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

test('a path whose links lead in a circle is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-output-'));
  try {
    const file = join(folder, 'one');
    await symlink('two', file);
    await symlink('one', join(folder, 'two'));
    await expect(refuseUnwritable('--report', file)).rejects.toThrow('it cannot be written (ELOOP)');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a new file gets its name only when it is whole, and never replaces another file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-output-'));
  try {
    await writeNewOutput(join(folder, 'new'), 'whole');
    await writeFile(join(folder, 'old'), 'old');
    await symlink('nowhere', join(folder, 'dangling'));
    for (const name of ['new', 'old', 'dangling']) {
      await expect(writeNewOutput(join(folder, name), 'other')).rejects.toMatchObject({ code: 'EEXIST' });
    }
    await expect(writeNewOutput(join(folder, 'none/new'), '')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readFile(join(folder, 'new'), 'utf8')).toBe('whole');
    expect(await readFile(join(folder, 'old'), 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['dangling', 'new', 'old']);
  } finally {
    await rm(folder, { recursive: true });
  }
});
