/** Which account of Cloudflare a deployment is for, as files and the environment say it. Pure. */
import { UsageError } from '../configuration/usage-error.ts';
import { EDGE_FILE } from './edge-file.ts';
import type { Target } from './target.ts';

/**
 * @param inFile the account that the edge's own file names
 * @param inEnvironment CLOUDFLARE_ACCOUNT_ID
 * @returns the account that is named; undefined if none is
 * @throws {UsageError} for two accounts, because the job would fill another bucket than all other commands read
 */
export function accountOf(
  { configurationFile, store: { accountId } }: Target,
  inFile: string | undefined,
  inEnvironment: string | undefined,
): string | undefined {
  const chosen = inFile ?? inEnvironment;
  if (chosen === undefined || accountId === undefined || chosen === accountId) return chosen ?? accountId;
  const source = inFile === undefined ? 'CLOUDFLARE_ACCOUNT_ID' : `account_id of ${EDGE_FILE}`;
  throw new UsageError(
    `store.endpoint in ${configurationFile} is of the account ${accountId}, and ${source} is ${chosen}. Give both the same account.`,
  );
}
