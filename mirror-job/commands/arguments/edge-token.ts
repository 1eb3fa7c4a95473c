/** Reads the token of an edge from its file. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { EdgeConfiguration } from '../../configuration/configuration.ts';
import { UsageError } from '../../configuration/usage-error.ts';
import { errorCode } from '../../runtime/node/error-code.ts';

/**
 * @param named the file that `--token-file` names
 * @param url the edge's origin
 * @param edge what the configuration says of an edge. Its token is for that edge, and for no other
 * @returns undefined if there is no token for this edge
 * @throws {UsageError}
 */
export async function readEdgeToken(
  named: string | undefined,
  url: string,
  edge: EdgeConfiguration | undefined,
  cwd: string,
): Promise<string | undefined> {
  const file = named ?? (edge?.url === url ? edge.tokenFile : undefined);
  if (file === undefined) return undefined;
  const option = named === undefined ? 'edge.tokenFile' : '--token-file';
  if (file === '') throw new UsageError(`${option} names no file.`);
  const text = await readFile(resolve(cwd, file), 'utf8').catch((error: unknown) => {
    const code = errorCode(error);
    const reason = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
    throw new UsageError(`${option} ${file}: ${reason}.`, { cause: error });
  });
  const token = text.trim();
  if (token === '') throw new UsageError(`${option} ${file}: it is empty. Write the token into it.`);
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageError(`${option} ${file}: it must hold one token and nothing else.`);
  }
  return token;
}
