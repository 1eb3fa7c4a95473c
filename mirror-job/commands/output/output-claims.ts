/** Refuses outputs that would be mixed: two on standard output, or two in one file. */
import { resolve } from 'node:path';
import { UsageError } from '../../configuration/usage-error.ts';
import { seeHelp } from '../command.ts';
import { isStandardOutput } from './output-file.ts';

/**
 * @param json whether standard output gets JSON
 * @param files by the option that names each
 * @throws {UsageError}
 */
export async function refuseMixture(
  command: string,
  json: boolean,
  files: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Promise<void> {
  const claims = json ? ['--json'] : [];
  const claimed = new Map<string, { readonly option: string; readonly file: string }>();
  for (const [option, file] of Object.entries(files)) {
    if (file === undefined || file === '') continue;
    const path = resolve(cwd, file);
    if (await isStandardOutput(path)) claims.push(option);
    const other = claimed.get(path);
    claimed.set(path, { option, file });
    if (other === undefined || claims.length > 1) continue;
    throw new UsageError(
      `${other.option} and ${option} name the same file, ${other.file}, which can hold only one of the two. ${seeHelp(command)}`,
    );
  }
  if (claims.length < 2) return;
  throw new UsageError(
    `only one of ${claims.join(' and ')} can go to standard output. Name a file instead. ${seeHelp(command)}`,
  );
}
