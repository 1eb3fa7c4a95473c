/**
 * The workflow runs this before it mirrors. It ends with 2 if everybody may read the repository, because everybody may
 * then read the log as well, and the log names images and tags. It asks as git would, without a login: an event does
 * not always say whether its repository is public.
 */
import process from 'node:process';

/** A git server gives this media type to everybody who may fetch. */
const ADVERTISEMENT = 'application/x-git-upload-pack-advertisement';
const NEXT =
  'Make the repository private, or set its variable LIFEBOAT_PUBLIC_LOG to yes if everybody may read which images it mirrors.';

/** @returns why the log may not be written; undefined if the repository needs a login */
async function reasonAgainst(repository: string): Promise<string | undefined> {
  const address = `${repository}.git/info/refs?service=git-upload-pack`;
  try {
    const { status, headers } = await fetch(address, { signal: AbortSignal.timeout(30_000) });
    if (status === 401) return undefined;
    if (status === 200 && headers.get('content-type') === ADVERTISEMENT) {
      return `${repository} is public, and so is its log, which names images and tags.`;
    }
    return `${address} answered ${status}, which does not say whether the repository is public.`;
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    return `${address} did not answer (${String(cause)}), so it is not known whether the repository is public.`;
  }
}

const { GITHUB_SERVER_URL = 'https://github.com', GITHUB_REPOSITORY = '' } = process.env;
const reason = await reasonAgainst(`${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}`);
if (reason !== undefined) {
  // GitHub shows a line with this beginning on the page of the run.
  process.stdout.write(`::error::${reason} ${NEXT}\n`);
  process.exitCode = 2;
}
