/**
 * Asks wrangler what is there already. Each answer that means "there is none" is recognised by wrangler's words, and any other
 * failure is one. test/mirror-job/deploy/wrangler-words.test.ts has the real wrangler say them.
 */
import { isObject } from '../../core/json.ts';
import { UsageError } from '../configuration/usage-error.ts';
import { WranglerError, type Wrangler } from './wrangler.ts';

/** The state of a Worker at Cloudflare. */
export interface FoundWorker {
  readonly secrets: ReadonlySet<string>;
  /** The tag of the version that gets all requests; undefined if there is none, or another version has a part of them. */
  readonly tag: string | undefined;
  /** The tag of the last deployment that came to its end, as the bucket notes it. */
  readonly noted: string | undefined;
}

export interface FoundBucket {
  readonly exists: boolean;
  /** As Cloudflare counted them last; undefined if it does not say. */
  readonly storedGb: number | undefined;
}

export interface Account {
  readonly id: string;
  readonly name: string;
}

export const NO_WORKER: FoundWorker = { secrets: new Set(), tag: undefined, noted: undefined };
export const NO_BUCKET: FoundBucket = { exists: false, storedGb: undefined };

/**
 * @param chosen the id of the account that a file, CLOUDFLARE_ACCOUNT_ID or the bucket's address names
 * @throws {UsageError} if nobody is logged in, or it is not clear which account is meant
 */
export async function findAccount(wrangler: Wrangler, chosen: string | undefined): Promise<Account> {
  const output = await wrangler.ask(['whoami', '--json']);
  const answer = jsonIn(output.stdout);
  if (isObject(answer) && answer['loggedIn'] === false) {
    throw new UsageError(
      'wrangler is not logged in at Cloudflare. Run "npx wrangler login"; in CI, set CLOUDFLARE_API_TOKEN.',
    );
  }
  if (output.code !== 0 || !isObject(answer)) throw new WranglerError(['whoami', '--json'], output);
  const listed = Array.isArray(answer['accounts']) ? answer['accounts'] : [];
  const accounts = listed
    .filter((one) => isObject(one))
    .map(({ id, name }): Account => ({ id: String(id), name: String(name) }));
  const [first, second] = chosen === undefined ? accounts : accounts.filter(({ id }) => id === chosen);
  if (first === undefined && chosen !== undefined) {
    // A token need not be allowed to list the accounts that it is for.
    if (accounts.length === 0) return { id: chosen, name: chosen };
    throw new UsageError(`the login is not for the account ${chosen}, but for:`, {
      lines: linesOf(accounts),
    });
  }
  if (first === undefined) {
    throw new UsageError('wrangler’s login lists no account. Set CLOUDFLARE_ACCOUNT_ID.');
  }
  if (second !== undefined) {
    throw new UsageError('the login is for several accounts. Set CLOUDFLARE_ACCOUNT_ID to one of them:', {
      lines: linesOf(accounts),
    });
  }
  return first;
}

function linesOf(accounts: readonly Account[]): readonly string[] {
  return accounts.map(({ id, name }) => `  ${id}  ${name}`);
}

/** @throws {WranglerError} */
export async function findBucket(wrangler: Wrangler, bucket: string): Promise<FoundBucket> {
  const output = await wrangler.ask(['r2', 'bucket', 'info', bucket, '--json']);
  if (output.code === 0) {
    const answer = jsonIn(output.stdout);
    const size = isObject(answer) ? answer['bucket_size'] : undefined;
    return { exists: true, storedGb: typeof size === 'string' ? gigabytesIn(size) : undefined };
  }
  if (/\[code: 10006\]/.test(output.said)) return NO_BUCKET;
  // A token that may not read the account's analytics can still list buckets.
  const listed = await wrangler.run(['r2', 'bucket', 'list']);
  const names = [...listed.matchAll(/^name:\s+(\S+)$/gm)].map(([, name]) => name);
  return { exists: names.includes(bucket), storedGb: undefined };
}

/** @throws {WranglerError} */
export async function findQueue(wrangler: Wrangler, queue: string): Promise<boolean> {
  const args = ['queues', 'info', queue];
  const output = await wrangler.ask(args);
  if (output.code === 0) return new RegExp(String.raw`^Queue Name: ${queue}$`, 'm').test(output.stdout);
  if (output.said.includes(`Queue "${queue}" does not exist`)) return false;
  throw new WranglerError(args, output);
}

/**
 * @param worker the options that name it: `-c FILE`, or `--name NAME` while there is no file
 * @throws {WranglerError}
 */
export async function findWorker(
  wrangler: Wrangler,
  worker: readonly string[],
): Promise<Omit<FoundWorker, 'noted'>> {
  const listing = ['secret', 'list', '--format', 'json', ...worker];
  const listed = await wrangler.ask(listing);
  if (listed.code !== 0) {
    if (/Worker "[^"]*".* not found|\[code: 10007\]/.test(listed.said))
      return { secrets: new Set(), tag: undefined };
    throw new WranglerError(listing, listed);
  }
  const answer = jsonIn(listed.stdout);
  const secrets = (Array.isArray(answer) ? answer : [])
    .map((secret) => (isObject(secret) ? secret['name'] : undefined))
    .filter((name) => typeof name === 'string');
  return { secrets: new Set(secrets), tag: await findTag(wrangler, worker) };
}

async function findTag(wrangler: Wrangler, worker: readonly string[]): Promise<string | undefined> {
  const asking = ['deployments', 'status', '--json', ...worker];
  const status = await wrangler.ask(asking);
  if (status.code !== 0) {
    if (/has no deployments|\[code: 10007\]/.test(status.said)) return undefined;
    throw new WranglerError(asking, status);
  }
  const deployment = jsonIn(status.stdout);
  const versions =
    isObject(deployment) && Array.isArray(deployment['versions']) ? deployment['versions'] : [];
  const [version] = versions;
  const id = isObject(version) && versions.length === 1 ? version['version_id'] : undefined;
  if (typeof id !== 'string') return undefined;
  const shown = jsonIn(await wrangler.run(['versions', 'view', id, '--json', ...worker]));
  const annotations = isObject(shown) ? shown['annotations'] : undefined;
  const tag = isObject(annotations) ? annotations['workers/tag'] : undefined;
  return typeof tag === 'string' ? tag : undefined;
}

/** @returns the text of an object; undefined if there is none. @throws {WranglerError} */
export async function findObject(
  wrangler: Wrangler,
  bucket: string,
  key: string,
): Promise<string | undefined> {
  const args = ['r2', 'object', 'get', `${bucket}/${key}`, '--remote', '--pipe'];
  const output = await wrangler.ask(args);
  if (output.code === 0) return output.stdout;
  if (/The specified key does not exist/.test(output.said)) return undefined;
  throw new WranglerError(args, output);
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** Reads a size as wrangler writes it: `300 GB`. */
function gigabytesIn(text: string): number | undefined {
  const [, amount = '', unit = ''] = /^([\d.,]+) ?([A-Za-z]+)$/.exec(text) ?? [];
  const power = UNITS.indexOf(unit.toUpperCase());
  const value = Number(amount.replaceAll(',', ''));
  // Cloudflare counts once a day, and says 0 until then.
  return power === -1 || !(value > 0) ? undefined : (value * 1000 ** power) / 1e9;
}
