/** Runs versitygw: a second, real S3 server, which makes the checks that wrangler's local R2 lacks. */
import { CreateBucketCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { s3ClientOf } from './bucket-reader.ts';
import type { Store } from './local-store.ts';
import { freePort, runProgram, startProgram, waitForHttp, type Program } from './process.ts';
import { requireProgram } from './programs.ts';

export interface S3Server extends Store {
  /** The process, so that a test can kill it. */
  readonly program: Program;
  /** Starts a killed server again, at the same address and with the same objects. */
  restart(): Promise<void>;
  /** Makes a user who may do what this policy says in the first bucket, and nothing else. Needs `hasAccounts`. */
  createUser(name: string, policy: Policy): Promise<StoreUser>;
}

/** The server as one of its users opens it. */
export type StoreUser = Omit<Store, 'stop'>;

/** A policy of AWS for a user, who is therefore not named in it. */
export interface Policy {
  readonly Version: string;
  readonly Statement: readonly Readonly<Record<string, unknown>>[];
}

const CREDENTIALS = { accessKeyId: 'test-access-key', secretAccessKey: 'test-secret-key' };

/**
 * Starts with empty buckets, whose content is gone after `stop`.
 * @throws if the program is missing or does not start
 */
export async function startS3Server(
  options: { readonly buckets?: number; readonly hasSidecar?: boolean; readonly hasAccounts?: boolean } = {},
): Promise<S3Server> {
  const path = await requireProgram('versitygw');
  const root = await mkdtemp(join(tmpdir(), 'lifeboat-versitygw-'));
  const port = await freePort();
  const region = 'us-east-1';
  const args = ['--port', `127.0.0.1:${port}`, '--region', region, '--quiet', '--keep-alive'];
  // The server stores ETags and media types in extended attributes of the files. With --sidecar it stores them in files
  // of their own, and then a read while an object is replaced often returns the old body with the new ETag.
  const attributes = options.hasSidecar === true ? [await mkdtemp(join(tmpdir(), 'lifeboat-sidecar-'))] : [];
  const sidecar = attributes.flatMap((folder) => ['--sidecar', folder]);
  const accounts = options.hasAccounts === true ? [await mkdtemp(join(tmpdir(), 'lifeboat-accounts-'))] : [];
  const iam = accounts.flatMap((folder) => ['--iam-dir', folder]);
  const begin = () =>
    startProgram(path, [...args, ...iam, 'posix', ...sidecar, root], {
      env: { ROOT_ACCESS_KEY: CREDENTIALS.accessKeyId, ROOT_SECRET_KEY: CREDENTIALS.secretAccessKey },
    });
  let program = await begin();
  const stop = async () => {
    await program.stop();
    for (const folder of [root, ...attributes, ...accounts])
      await rm(folder, { recursive: true, force: true });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  const buckets = Array.from({ length: options.buckets ?? 1 }, (_, index) => `bucket-${index + 1}`);
  const store = { endpoint, bucket: buckets[0] ?? '', buckets, region, ...CREDENTIALS };
  try {
    await waitForHttp(endpoint, { program });
    const client = s3ClientOf(store);
    for (const bucket of buckets) await client.send(new CreateBucketCommand({ Bucket: bucket }));
    client.destroy();
  } catch (error) {
    await stop();
    if (!program.output().includes('xattrs are not supported')) throw error;
    const message = `versitygw cannot serve ${root}, because its file system has no user attributes (xattrs). Set TMPDIR to a folder on ext4, xfs, btrfs or an overlay of these, or on a tmpfs of Linux 6.6 or newer.`;
    throw new Error(message, { cause: error });
  }
  const statements: object[] = [];
  const createUser = async (name: string, { Version, Statement }: Policy): Promise<StoreUser> => {
    const user = { accessKeyId: name, secretAccessKey: `secret of ${name}` };
    const admin = ['admin', '--access', CREDENTIALS.accessKeyId, '--secret', CREDENTIALS.secretAccessKey];
    const at = ['--endpoint-url', endpoint, '--region', region];
    const own = ['--access', user.accessKeyId, '--secret', user.secretAccessKey, '--role', 'user'];
    const made = await runProgram(path, [...admin, ...at, 'create-user', ...own]);
    if (made.code !== 0) throw new Error(`versitygw made no user ${name}: ${made.stdout}${made.stderr}`);
    // The server has policies of buckets alone, which name the users.
    statements.push(...Statement.map((one) => ({ ...one, Principal: { AWS: [name] } })));
    const client = s3ClientOf(store);
    const Policy = JSON.stringify({ Version, Statement: statements });
    await client.send(new PutBucketPolicyCommand({ Bucket: store.bucket, Policy }));
    client.destroy();
    return { ...store, ...user };
  };
  return {
    ...store,
    createUser,
    get program() {
      return program;
    },
    restart: async () => {
      await program.exited;
      program = await begin();
      await waitForHttp(endpoint, { program });
    },
    stop,
  };
}
