/**
 * A program in the place of wrangler, because there is no account at Cloudflare here. It keeps what an account would have in a
 * file, answers in wrangler's own words, refuses to make a thing twice as Cloudflare does, records each call, and fails at one.
 * test/mirror-job/deploy/wrangler-words.test.ts has the real wrangler say the same words.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

export interface StandInWorker {
  secrets: Record<string, string>;
  tag?: string;
  deployments: number;
  /** Whether its routes and triggers were made. */
  hasTriggers: boolean;
}

export interface Account {
  isLoggedIn: boolean;
  accounts: { id: string; name: string }[];
  buckets: string[];
  bucketSize: string;
  queues: string[];
  objects: Record<string, string>;
  workers: Record<string, StandInWorker>;
  /** Runs that were begun. */
  runs: number;
  calls: { args: string[]; input: string }[];
  /** The call that fails, counted from 1 over all calls; before or after it has done its work, or in the middle of a deployment: uploaded, and without its routes. */
  fault?: { call: number; when: 'before' | 'half' | 'after' | 'hang' };
}

export function emptyAccount(): Account {
  return {
    isLoggedIn: true,
    accounts: [{ id: 'account-1', name: 'Example' }],
    buckets: [],
    bucketSize: '0 B',
    queues: [],
    objects: {},
    workers: {},
    runs: 0,
    calls: [],
  };
}

/** Runs one command, as `process.argv` has it, on the account in a file. */
export async function runStandIn(file: string): Promise<void> {
  const args = process.argv.slice(2);
  const input = await text(process.stdin);
  const account: Account = JSON.parse(readFileSync(file, 'utf8'));
  account.calls.push({ args, input });
  // The test may read the file at any moment.
  const save = () => {
    writeFileSync(`${file}.new`, JSON.stringify(account, null, 2));
    renameSync(`${file}.new`, file);
  };
  save();
  const { fault } = account;
  const isFaulty = fault?.call === account.calls.length;
  if (isFaulty && fault.when === 'hang') await new Promise((resolve) => setTimeout(resolve, 600_000));
  if (isFaulty && fault.when === 'before') return fail('the connection was lost');
  const problem = answer(account, args, input, isFaulty && fault.when === 'half');
  save();
  if (problem !== undefined) return fail(problem);
  if (isFaulty) return fail('the connection was lost');
}

function fail(problem: string): void {
  process.stderr.write(`\u001B[31m✘ [ERROR]\u001B[0m ${problem}\n`);
  process.exitCode = 1;
}

function print(value: unknown): undefined {
  process.stdout.write(typeof value === 'string' ? value : `${JSON.stringify(value, null, 2)}\n`);
}

/** @returns the error, in wrangler's words */
function answer(
  account: Account,
  args: readonly string[],
  input: string,
  isHalf: boolean,
): string | undefined {
  const option = (name: string) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
  const [first = '', second = '', third = '', fourth = ''] = args;
  const configuration = option('-c');
  const name =
    option('--name') ??
    (configuration === undefined
      ? ''
      : (/^name = "(.*)"$/m.exec(readFileSync(configuration, 'utf8'))?.[1] ?? ''));
  const worker = account.workers[name];
  switch (`${first} ${second}`) {
    case 'whoami --json':
      print(account.isLoggedIn ? { loggedIn: true, accounts: account.accounts } : { loggedIn: false });
      return account.isLoggedIn ? undefined : '';
    case 'r2 bucket':
      if (third === 'create') {
        if (account.buckets.includes(fourth))
          return 'The bucket you tried to create already exists. [code: 10004]';
        account.buckets.push(fourth);
        return undefined;
      }
      if (!account.buckets.includes(fourth)) return 'The specified bucket does not exist. [code: 10006]';
      return print({ name: fourth, bucket_size: account.bucketSize });
    case 'r2 object':
      if (!account.buckets.includes(fourth.split('/', 1)[0] ?? '')) {
        return 'The specified bucket does not exist. [code: 10006]';
      }
      if (third === 'put') {
        account.objects[fourth] = args.includes('--pipe')
          ? input
          : readFileSync(option('--file') ?? '', 'utf8');
        return undefined;
      }
      if (account.objects[fourth] === undefined) return 'The specified key does not exist.';
      return print(account.objects[fourth]);
    case 'queues create':
      if (account.queues.includes(third)) return `Queue name '${third}' is already taken. [code: 11009]`;
      account.queues.push(third);
      return undefined;
    case 'queues info':
      if (!account.queues.includes(third)) return `Queue "${third}" does not exist. To create it, run: …`;
      return print(`Queue Name: ${third}\nQueue ID: 1\n`);
    case 'secret list':
      if (worker === undefined) return `Worker "${name}" not found.`;
      return print(Object.keys(worker.secrets).map((one) => ({ name: one, type: 'secret_text' })));
    case 'secret bulk': {
      const secrets: Record<string, string> = JSON.parse(input);
      const { tag: _, ...rest } = worker ?? { secrets: {}, deployments: 0, hasTriggers: false };
      // Secrets make a new version, which has no tag.
      account.workers[name] = { ...rest, secrets: { ...rest.secrets, ...secrets } };
      return undefined;
    }
    case 'deployments status':
      if (worker === undefined) return 'This Worker does not exist on your account. [code: 10007]';
      return print({ id: 'd', versions: [{ version_id: `version-of-${name}`, percentage: 100 }] });
    case 'versions view':
      return print({
        id: third,
        annotations: worker?.tag === undefined ? {} : { 'workers/tag': worker.tag },
      });
    case 'deploy -c': {
      const bound = /^bucket_name = "(.*)"$/m.exec(readFileSync(configuration ?? '', 'utf8'))?.[1];
      if (bound !== undefined && !account.buckets.includes(bound))
        return `R2 bucket '${bound}' not found. [code: 10085]`;
      account.workers[name] = {
        secrets: worker?.secrets ?? {},
        tag: option('--tag') ?? '',
        deployments: (worker?.deployments ?? 0) + 1,
        hasTriggers: worker?.hasTriggers ?? false,
      };
      if (isHalf) return 'the connection was lost';
      account.workers[name].hasTriggers = true;
      return undefined;
    }
    case 'workflows trigger': {
      if (!existsSync(configuration ?? '') || worker === undefined) return 'workflow.not_found [code: 10200]';
      account.runs += 1;
      for (const bucket of account.buckets) account.objects[`${bucket}/lifeboat.json`] = '{"version":1}';
      return undefined;
    }
    default:
      return `Unknown arguments: ${args.join(' ')}`;
  }
}
