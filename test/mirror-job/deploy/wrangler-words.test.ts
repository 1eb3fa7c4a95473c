/**
 * Has the real wrangler answer `deploy/found.ts`, over a server that stands for Cloudflare's API, because the words by which absence is
 * recognised are wrangler's own. What Cloudflare itself answers could not be seen here.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  findAccount,
  findBucket,
  findObject,
  findQueue,
  findWorker,
  NO_BUCKET,
  NO_WORKER,
} from '../../../mirror-job/deploy/found.ts';
import { Wrangler, WRANGLER_SCRIPT, WranglerError } from '../../../mirror-job/deploy/wrangler.ts';
import { startCloudflareApi, type CloudflareApi } from '../../support/cloudflare-api.ts';

const PROJECT = join(import.meta.dirname, '../../..');

/** Each start of wrangler takes a second, and more on a busy machine. */
const SLOW = { timeout: 120_000 };

let folder = '';
let api: CloudflareApi;
let wrangler: Wrangler;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-wrangler-'));
  api = await startCloudflareApi();
  wrangler = wranglerWith({ CLOUDFLARE_API_TOKEN: 'token', CLOUDFLARE_ACCOUNT_ID: 'account-1' });
  await writeFile(join(folder, 'worker.js'), 'export default { fetch: () => new Response("") };\n');
  await writeFile(
    join(folder, 'there.toml'),
    'name = "there"\nmain = "worker.js"\ncompatibility_date = "2026-01-01"\nworkers_dev = false\n',
  );
});

afterAll(async () => {
  await api?.stop();
  await rm(folder, { recursive: true, force: true });
});

function wranglerWith(env: NodeJS.ProcessEnv): Wrangler {
  return new Wrangler({
    script: join(PROJECT, WRANGLER_SCRIPT),
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      CLOUDFLARE_API_BASE_URL: api.url,
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_WRITE_LOGS: 'false',
      ...env,
    },
    signal: new AbortController().signal,
  });
}

test('the account, and nobody’s', SLOW, async () => {
  expect(await findAccount(wrangler, undefined)).toEqual({ id: 'account-1', name: 'Example' });
  await expect(findAccount(wranglerWith({}), undefined)).rejects.toThrow('wrangler is not logged in');
});

test('a bucket that is there, one that is not, and one whose size may not be read', SLOW, async () => {
  const { storedGb, ...bucket } = await findBucket(wrangler, 'there');
  expect(bucket).toEqual({ exists: true });
  expect(storedGb).toBeCloseTo(300);
  expect(await findBucket(wrangler, 'missing')).toEqual(NO_BUCKET);
  expect(await findBucket(wrangler, 'unmeasured')).toEqual({ exists: true, storedGb: undefined });
});

test('a queue that is there, and one that is not', SLOW, async () => {
  expect(await findQueue(wrangler, 'there')).toBe(true);
  expect(await findQueue(wrangler, 'missing')).toBe(false);
});

test('a Worker that is there, by its file, and one that is not, by its name', SLOW, async () => {
  expect(await findWorker(wrangler, ['-c', 'there.toml'])).toEqual({
    secrets: new Set(['TOKENS']),
    tag: 'lifeboat-0123456789abcdef',
  });
  expect(await findWorker(wrangler, ['--name', 'missing'])).toEqual({
    secrets: NO_WORKER.secrets,
    tag: undefined,
  });
});

test('an object that is there, and one that is not', SLOW, async () => {
  expect(await findObject(wrangler, 'there', 'there')).toBe('the object\n');
  expect(await findObject(wrangler, 'there', 'missing')).toBeUndefined();
});

test('any other failure is one', SLOW, async () => {
  const failing = findQueue(wrangler, 'unknown');
  await expect(failing).rejects.toThrow(WranglerError);
});

test('secrets reach Cloudflare from standard input, and a deployment has the tag', SLOW, async () => {
  const secrets = { A: 'a $value "with" \\ signs', B: 'two\nlines' };
  await wrangler.run(['secret', 'bulk', '-c', 'there.toml'], JSON.stringify(secrets));
  const sent = api.changes.map(({ body }) => body).join('\n');
  for (const value of Object.values(secrets)) expect(sent).toContain(JSON.stringify(value));
  await wrangler.ask(['deploy', '-c', 'there.toml', '--tag', 'lifeboat-fedcba9876543210']);
  expect(api.changes.map(({ body }) => body).join('\n')).toContain(
    '"workers/tag":"lifeboat-fedcba9876543210"',
  );
});
