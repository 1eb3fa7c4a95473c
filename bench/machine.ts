/** Describes the machine and the versions of a run, because no figure means anything without them. */
import { readFile } from 'node:fs/promises';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../test/support/process.ts';

const PROJECT = join(import.meta.dirname, '..');

export function describeMachine(): string {
  const gib = Math.round(totalmem() / 1024 ** 3);
  return `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${gib} GiB, ${type()} ${release()} ${arch()}`;
}

/** Returns the version in an installed package's package.json. */
export async function packageVersion(name: string): Promise<string> {
  const file = join(PROJECT, 'node_modules', name, 'package.json');
  const { version = 'unknown' }: { version?: string } = JSON.parse(await readFile(file, 'utf8'));
  return version;
}

/** Returns the first version number that the program prints. */
export async function programVersion(program: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await runProgram(program, args, { timeout: 10_000 });
  return /\d+\.\d+[\w.+-]*/.exec(stdout + stderr)?.[0] ?? 'unknown';
}

/** Returns the module version that Go wrote into a program's file, because some programs do not print theirs. */
export async function moduleVersion(program: string, module: string): Promise<string> {
  const bytes = await readFile(program);
  const mark = `mod\t${module}\tv`;
  const start = bytes.indexOf(mark);
  if (start === -1) return 'unknown';
  return (
    /^[\d.]+/.exec(bytes.toString('latin1', start + mark.length, start + mark.length + 50))?.[0] ?? 'unknown'
  );
}

/** Returns the commit that is measured, and says whether the files in these folders differ from it. */
export async function describeCommit(folders: readonly string[]): Promise<string> {
  const commit = await git('rev-parse', '--short', 'HEAD');
  if (commit === '') return 'none: this is not a clone';
  const changes = await git('status', '--porcelain', '--', ...folders);
  return changes === '' ? commit : `${commit}, changed`;
}

async function git(...args: readonly string[]): Promise<string> {
  return (await runProgram('git', args, { cwd: PROJECT, timeout: 10_000 })).stdout.trim();
}
