/**
 * Tests `lifeboat deploy` against the stand-in for wrangler: what it makes, that a second call changes nothing, and that a call that
 * was stopped at any command is followed by one that goes on.
 */
import { afterEach, expect, test } from 'vitest';
import { waitFor } from '../../support/process.ts';
import type { Account } from '../../support/wrangler-stand-in.ts';
import { Clone } from './clone.ts';

const CONFIGURATION = `store: { endpoint: "\${S3_ENDPOINT}", bucket: mirror, accessKeyId: "\${S3_KEY}", secretAccessKey: "\${S3_SECRET}" }
upstreams: { docker.io: { credentials: [{ username: a, password: "\${HUB_TOKEN}" }] } }
edge: { url: https://mirror.example.com }
images: [docker.io/library/alpine:3.20]
onDemand: ['docker.io/library/*']
`;
const SECRETS = {
  EDGE_S3_ACCESS_KEY_ID: 'edge-key-id',
  EDGE_S3_SECRET_ACCESS_KEY: 'edge-secret-value',
  S3_KEY: 'job-key-id',
  S3_SECRET: 'job-secret-value',
  HUB_TOKEN: 'hub$token "value"',
};
const SECRETS_FILE = Object.entries(SECRETS)
  .map(([name, value]) => `${name}='${value}'\n`)
  .join('');
const YES = ['--secrets', 'secrets.env', '--yes', '--wait', '0'];

const clones: Clone[] = [];

afterEach(async () => {
  for (const clone of clones.splice(0)) await clone.remove();
});

async function makeClone(account: Partial<Account> = {}): Promise<Clone> {
  const clone = await Clone.make(CONFIGURATION, account);
  clones.push(clone);
  await clone.write('secrets.env', SECRETS_FILE);
  return clone;
}

/** The result of a deployment, without how it came there. */
function resultOf(account: Account): object {
  const workers = Object.entries(account.workers).map(([name, worker]) => [
    name,
    { ...worker, deployments: 1 },
  ]);
  return { ...account, workers: Object.fromEntries(workers), calls: [], fault: undefined };
}

const TAG = /lifeboat-[0-9a-f]{16}/g;
const CHANGES = [
  'r2 bucket create mirror',
  'queues create lifeboat-misses',
  'r2 object put mirror/state/_config/lifeboat.yaml --file lifeboat.yaml --content-type application/yaml --remote',
  'secret bulk -c wrangler.deploy.toml',
  'deploy -c wrangler.deploy.toml --tag TAG',
  'r2 object put mirror/state/_deploy/lifeboat --pipe --content-type text/plain --remote',
  'secret bulk -c mirror-job/wrangler.deploy.toml',
  'deploy -c mirror-job/wrangler.deploy.toml --tag TAG',
  'r2 object put mirror/state/_deploy/lifeboat-job --pipe --content-type text/plain --remote',
  'workflows trigger lifeboat-run -c mirror-job/wrangler.deploy.toml',
];
/** Account, queue, bucket, and the two Workers, which are not there. */
const LOOKS_BEFORE = 5;

test('it makes everything once, and a second call changes nothing', async () => {
  const clone = await makeClone();
  const first = await clone.deploy(YES);
  expect([first.code, first.stderr]).toEqual([0, expect.stringContaining('[12/12] begin the first run')]);
  expect((await clone.changes()).map((call) => call.replaceAll(TAG, 'TAG'))).toEqual(CHANGES);
  const account = await clone.account();
  const { workers, objects } = account;
  expect(workers['lifeboat']?.secrets).toEqual({
    S3_ACCESS_KEY_ID: SECRETS.EDGE_S3_ACCESS_KEY_ID,
    S3_SECRET_ACCESS_KEY: SECRETS.EDGE_S3_SECRET_ACCESS_KEY,
  });
  expect(workers['lifeboat-job']?.secrets).toEqual({
    S3_KEY: SECRETS.S3_KEY,
    S3_SECRET: SECRETS.S3_SECRET,
    HUB_TOKEN: SECRETS.HUB_TOKEN,
  });
  expect(objects['mirror/state/_config/lifeboat.yaml']).toBe(CONFIGURATION);
  const files = [
    await clone.read('wrangler.deploy.toml'),
    await clone.read('mirror-job/wrangler.deploy.toml'),
  ];

  await clone.set({});
  // Without the file of secrets, because the Workers have them.
  const second = await clone.deploy(['--yes', '--wait', '0']);
  expect([second.code, await clone.changes()]).toEqual([0, []]);
  expect(second.stdout).toContain('Nothing is left to do.');
  expect(resultOf(await clone.account())).toEqual(resultOf(account));
  expect([
    await clone.read('wrangler.deploy.toml'),
    await clone.read('mirror-job/wrangler.deploy.toml'),
  ]).toEqual(files);
});

test('no secret is an argument, is printed, or is left in a file', async () => {
  const clone = await makeClone({ fault: { call: LOOKS_BEFORE + 4, when: 'after' } });
  const failed = await clone.deploy(YES);
  const good = await clone.deploy(YES);
  const { calls } = await clone.account();
  const json = await clone.deploy([...YES, '--json']);
  const shown = [failed, good, json].map(({ stdout, stderr }) => stdout + stderr).join('');
  for (const value of Object.values(SECRETS)) {
    expect(calls.map(({ args }) => args.join(' ')).filter((one) => one.includes(value))).toEqual([]);
    expect(shown).not.toContain(value);
    expect(await clone.read('wrangler.deploy.toml')).not.toContain(value);
    expect(await clone.read('mirror-job/wrangler.deploy.toml')).not.toContain(value);
  }
});

let whole: Promise<object> | undefined;

/** The result of one good deployment. */
async function wholeResult(): Promise<object> {
  whole ??= (async () => {
    const clone = await makeClone();
    expect((await clone.deploy(YES)).code).toBe(0);
    return resultOf(await clone.account());
  })();
  return whole;
}

const FAULTS = CHANGES.flatMap((change, index) =>
  (['before', 'after'] as const).map((when) => ({ change, when, call: LOOKS_BEFORE + index + 1 })),
);

test.for(FAULTS)(
  'a failure $when "$change" has done its work: the next call goes on',
  async ({ call, when, change }) => {
    const clone = await makeClone({ fault: { call, when } });
    const failed = await clone.deploy(YES);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain(`failed npx wrangler ${change.replace(/TAG$/, '')}`);
    expect(failed.stderr).toContain('the connection was lost');
    expect(failed.stderr).toContain('What is done stays. The same command goes on from here.');
    const before = await clone.changes();
    await clone.set({});
    expect((await clone.deploy(YES)).code).toBe(0);
    const after = await clone.changes();
    expect(resultOf(await clone.account())).toEqual(await wholeResult());
    // A command that failed before its work is run again, and so is a deployment that the bucket has no note of. No earlier
    // command is.
    const repeated =
      when === 'before' ? (change.includes('/_deploy/') ? 2 : 1) : change.startsWith('deploy') ? 1 : 0;
    const again = before.length - repeated;
    expect([...before.slice(0, again), ...after].map((one) => one.replaceAll(TAG, 'TAG'))).toEqual(CHANGES);
  },
);

test.for(Array.from({ length: LOOKS_BEFORE }, (_, index) => index + 1))(
  'if look %i fails, nothing is changed',
  async (call) => {
    const clone = await makeClone({ fault: { call, when: 'before' } });
    const { code, stdout, stderr } = await clone.deploy(YES);
    // A bucket about which nothing is said is looked for in the list of all.
    const isListed = call === 3;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(isListed ? 'npx wrangler r2 bucket list' : 'the connection was lost');
    expect(stderr).toContain('Nothing was changed.');
    expect(await clone.changes()).toEqual([]);
    await expect(clone.read('wrangler.deploy.toml')).rejects.toThrow('ENOENT');
  },
);

test('a Worker that was uploaded without its triggers is deployed again', async () => {
  const clone = await makeClone({ fault: { call: LOOKS_BEFORE + 8, when: 'half' } });
  expect((await clone.deploy(YES)).code).toBe(1);
  expect((await clone.account()).workers['lifeboat-job']).toMatchObject({ hasTriggers: false });
  await clone.set({});
  expect((await clone.deploy(YES)).code).toBe(0);
  expect(resultOf(await clone.account())).toEqual(await wholeResult());
});

test('a signal ends the command that is going, and the next call goes on', async () => {
  const clone = await makeClone({ fault: { call: LOOKS_BEFORE + 5, when: 'hang' } });
  const io = clone.io();
  const ending = clone.deploy(YES, io);
  await waitFor('the fifth change', async () => (await clone.changes()).length === 5);
  io.signals.emit('SIGINT', 'SIGINT');
  const { code, stderr } = await ending;
  expect([code, stderr]).toEqual([1, expect.stringContaining('It was stopped.')]);
  await clone.set({});
  expect((await clone.deploy(YES)).code).toBe(0);
  expect(resultOf(await clone.account())).toEqual(await wholeResult());
});

test('what has changed is deployed again, and nothing else', async () => {
  const clone = await makeClone();
  await clone.deploy(YES);
  await clone.set({});
  await clone.write('worker/a.ts', 'export const changed = 1;');
  await clone.write('lifeboat.yaml', CONFIGURATION.replace('3.20', '3.21'));
  expect((await clone.deploy(YES)).code).toBe(0);
  expect((await clone.changes()).map((call) => call.split(' ', 3).join(' '))).toEqual([
    'r2 object put',
    'deploy -c wrangler.deploy.toml',
    'r2 object put',
  ]);
});
