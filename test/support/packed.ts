/** Makes the package as `npm run package` does. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expectSuccess } from './clients/run.ts';
import { runProgram } from './process.ts';

const PROJECT = join(import.meta.dirname, '../..');

export interface Packed {
  /** The folder that npm packs. */
  readonly folder: string;
  /** The path of the packed file. */
  readonly file: string;
}

/**
 * @param folder exists, and gets both
 * @throws if the package cannot be made
 */
export async function packInto(folder: string): Promise<Packed> {
  const assembled = join(folder, 'package');
  const script = join(PROJECT, 'infra/package/assemble.js');
  await expectSuccess(runProgram(process.execPath, [script, '--out', assembled], { timeout: 120_000 }));
  await mkdir(join(folder, 'packed'));
  const args = ['pack', '--silent', assembled, '--pack-destination', join(folder, 'packed')];
  const name = await expectSuccess(runProgram('npm', args, { cwd: folder }));
  return { folder: assembled, file: join(folder, 'packed', name.trim()) };
}
