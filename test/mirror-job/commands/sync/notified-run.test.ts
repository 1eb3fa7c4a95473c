/** `lifeboat sync` tells the addresses of `notify` about its runs, and `lifeboat notify` tries the addresses. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { BucketReader, s3ClientOf } from '../../../support/bucket-reader.ts';
import { digestOfTag, emptyRepository, type Repository } from '../../../support/content.ts';
import { NOBODYS } from '../../../support/nobody.ts';
import { runProgram, startProgram, waitFor, type Finished } from '../../../support/process.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import { bundledJob, emptyBuckets, type Buckets } from '../../../support/shared.ts';
import { Receiver } from '../../notify/receiver.ts';
import { refusalOf } from '../../notify/standard-webhooks.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = await bundledJob();
const SECRET = `whsec_${Buffer.alloc(24, 5).toString('base64')}`;

let folder = '';
let store: Buckets;
let buckets: string[] = [];
let bucket = '';
let app: Repository;
let registry: RogueRegistry;
let receiver: Receiver;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-notify-'));
  app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'first')] }), '1', '2');
  registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', app]]) } });
  receiver = await Receiver.start();
  store = await emptyBuckets(11);
  buckets = [...store.buckets];
});

beforeEach(() => {
  registry.misbehave(undefined);
  receiver.reset();
  bucket = buckets.pop() ?? '';
});

afterAll(async () => {
  await registry?.stop();
  await receiver?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Writes lifeboat.yaml. @returns the arguments of node */
async function commandOf(
  notify: readonly object[],
  more: Readonly<Record<string, unknown>> = {},
  ...args: readonly string[]
): Promise<string[]> {
  const { endpoint, region, accessKeyId, secretAccessKey } = store;
  const file = join(folder, 'lifeboat.yaml');
  await writeFile(
    file,
    JSON.stringify({
      store: { endpoint, bucket, region, accessKeyId, secretAccessKey },
      upstreams: { [registry.host]: { insecure: true, credentials: [] } },
      images: [{ source: `${registry.host}/team/app`, tags: ['1', '2'] }],
      notify,
      ...more,
    }),
  );
  const [command = 'sync', ...rest] = args;
  return [MAIN, command, '-c', file, ...rest];
}

const OPTIONS = () => ({ cwd: folder, env: { ...NOBODYS, NOTIFY_SECRET: SECRET } });

async function sync(notify: readonly object[], ...args: readonly string[]): Promise<Finished> {
  return runProgram(process.execPath, await commandOf(notify, {}, 'sync', ...args), OPTIONS());
}

function hook(more: object = {}): object {
  return { url: receiver.url('/hook'), secret: '${NOTIFY_SECRET}', ...more };
}

/** The news that came to the hook since the last look: `new failed 2`. */
function told(): string[] {
  return receiver.to('/hook').map(({ body }) => {
    const { data }: { data: { sections: { state: string; event: string; count: number }[] } } =
      JSON.parse(body);
    return data.sections.map(({ state, event, count }) => `${state} ${event} ${count}`).join(', ');
  });
}

function paths(): string[] {
  return receiver.received.map(({ path }) => path);
}

test('a run that fails pings, sends a signed message, and its end is told once, by the run that mends it', async () => {
  const notify = [hook({ ping: receiver.url('/check') })];
  registry.misbehave(({ reference }) => (reference === '1' ? { kind: 'status', status: 403 } : undefined));
  const first = await sync(notify);
  expect([first.code, first.stderr]).toEqual([1, '']);
  expect(paths().toSorted()).toEqual(['/check/fail', '/check/start', '/hook']);
  expect(told()).toEqual(['new failed 1']);
  const [message] = receiver.to('/hook');
  if (message === undefined) throw new Error('There is a message.');
  expect(refusalOf(message, SECRET)).toBeUndefined();
  expect(JSON.parse(message.body)).toMatchObject({
    type: 'lifeboat.run',
    data: { run: { exitCode: 1, counts: { failed: 1, created: 1 } } },
  });
  expect(message.body).not.toContain(store.secretAccessKey);

  receiver.reset();
  expect((await sync(notify)).code).toBe(1);
  expect(paths().toSorted()).toEqual(['/check/fail', '/check/start']);

  receiver.reset();
  registry.misbehave(undefined);
  expect(await sync(notify)).toMatchObject({ code: 0, stderr: '' });
  expect(paths().toSorted()).toEqual(['/check', '/check/start', '/hook']);
  expect(told()).toEqual(['ended failed 1']);

  receiver.reset();
  await sync(notify);
  expect(paths().toSorted()).toEqual(['/check', '/check/start']);
  const reader = new BucketReader({ client: s3ClientOf(store), bucket });
  const memory = await reader.read('state/default/notified.json');
  expect(memory?.bytes.toString()).toBe('{"version":1,"problems":[]}');
});

test('a message about a held tag has the command with the configuration that the run was given', async () => {
  const images = [{ source: `${registry.host}/team/app`, tags: ['1'], moves: { policy: 'hold' } }];
  const more = { images };
  const file = join(folder, 'lifeboat.yaml');
  const other = join(folder, 'other.yaml');
  const run = async () => {
    const [main = ''] = await commandOf([hook({ on: ['held'] })], more);
    await rename(file, other);
    return runProgram(process.execPath, [main, 'sync', '-c', 'other.yaml'], OPTIONS());
  };
  expect((await run()).code).toBe(0);
  const before = digestOfTag(app, '1');
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'held')] }), '1');
  try {
    expect((await run()).code).toBe(0);
  } finally {
    app.tags.set('1', before);
  }
  const [message] = receiver.to('/hook');
  expect(message?.body).toContain(`lifeboat approve -c other.yaml ${registry.host}/team/app:1@sha256:`);
});

test('the memory has neither the address nor the secret', async () => {
  registry.misbehave(() => ({ kind: 'status', status: 403 }));
  await sync([hook()]);
  const reader = new BucketReader({ client: s3ClientOf(store), bucket });
  const text = (await reader.read('state/default/notified.json'))?.bytes.toString() ?? '';
  expect(text).toContain('"event":"failed"');
  expect(text).not.toContain('/hook');
  expect(text).not.toContain(receiver.host);
});

test('an address that fails is a warning without its path, changes no exit code, and is told by the next run', async () => {
  registry.misbehave(({ reference }) => (reference === '1' ? { kind: 'status', status: 403 } : undefined));
  receiver.answer(({ path }) => ({
    status: path === '/hook' ? 400 : 204,
    body: `no: ${receiver.url('/hook')}`,
  }));
  const { code, stderr } = await sync([hook(), { url: receiver.url('/other') }]);
  expect(code).toBe(1);
  expect(stderr).toBe(
    `warning: notify[0] (${receiver.host}): the message was not sent: the address answered 400: no: ***\n`,
  );
  expect(receiver.to('/other')).toHaveLength(1);
  receiver.reset();
  await sync([hook(), { url: receiver.url('/other') }]);
  expect(paths()).toEqual(['/hook']);
  expect(told()).toEqual(['new failed 1']);
});

test('a run whose addresses are gone ends with 0', async () => {
  const gone = await Receiver.start();
  const url = gone.url('/hook');
  await gone.stop();
  const { code, stdout, stderr } = await sync([{ url, on: ['moved'], ping: url }]);
  expect([code, stdout]).toEqual([0, expect.stringContaining('2 created')]);
  expect(stderr).toContain('the ping "success" was not sent: the address cannot be reached (ECONNREFUSED).');
});

test('a plan, and a run of images that a person names, tell nobody', async () => {
  const image = `${registry.host}/team/app:absent`;
  const notify = [hook({ ping: receiver.url('/check') })];
  expect((await sync(notify, image)).code).toBe(1);
  expect((await sync(notify, '--dry-run')).code).toBe(0);
  expect(paths()).toEqual([]);
});

test('a run that cannot begin is told, and pings fail', async () => {
  const command = await commandOf([hook({ ping: receiver.url('/check') })], {
    store: { endpoint: store.endpoint, bucket: 'absent', accessKeyId: 'x', secretAccessKey: 'the-secret' },
  });
  const { code } = await runProgram(process.execPath, command, OPTIONS());
  expect(code).toBe(2);
  expect(paths().toSorted()).toEqual(['/check/fail', '/check/start', '/hook']);
  const body = receiver.to('/hook')[0]?.body ?? '';
  expect(JSON.parse(body)).toMatchObject({
    type: 'lifeboat.not-begun',
    data: { sections: [{ event: 'failed', lines: [{ text: expect.stringContaining('absent') }] }] },
  });
  expect(body).not.toContain('the-secret');
});

test('the ping of the beginning holds up nothing', async () => {
  receiver.answer(({ path }) => ({ status: 204, isSilent: path === '/start' }));
  const begun = performance.now();
  const pings = { start: receiver.url('/start'), success: receiver.url('/success') };
  expect(await sync([{ ping: pings }])).toMatchObject({ code: 0, stderr: '' });
  expect(performance.now() - begun).toBeLessThan(9000);
  expect(paths()).toEqual(['/start', '/success']);
});

test('a run that is killed pings no success, and one that is stopped pings fail and is told', async () => {
  registry.misbehave(({ kind }) =>
    kind === 'manifest' ? { kind: 'delay', milliseconds: 30_000 } : undefined,
  );
  const notify = [hook({ ping: receiver.url('/check') })];
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    receiver.reset();
    registry.requests.length = 0;
    const program = await startProgram(process.execPath, await commandOf(notify), OPTIONS());
    await waitFor('a request', () => registry.requests.length > 1 && receiver.received.length > 0, {
      program,
    });
    program.kill(signal);
    await program.exited;
    const ended = signal === 'SIGKILL' ? [] : ['/check/fail', '/hook'];
    expect(paths().toSorted()).toEqual([...ended, '/check/start'].toSorted());
  }
  expect(told()).toEqual(['new failed 1']);
});

test('lifeboat notify sends a test to each address, and says what each answered', async () => {
  receiver.answer(({ path }) =>
    path === '/bad' ? { status: 403, body: 'invalid_token\u001B[31m' } : { status: 200, body: 'ok' },
  );
  const notify = [
    hook(),
    { url: receiver.url('/slack'), format: 'slack' },
    { url: receiver.url('/bad'), format: 'teams' },
    { ping: receiver.url('/check') },
  ];
  const command = await commandOf(notify, {}, 'notify');
  const { code, stdout, stderr } = await runProgram(process.execPath, command, OPTIONS());
  expect([code, stderr]).toEqual([1, '']);
  const named = (index: number) => `notify[${index}] (${receiver.host})`;
  expect(stdout.split('\n')).toEqual([
    `${named(0)}: it took the message (200).`,
    `${named(1)}: it took the message (200).`,
    `${named(2)}: the address answered 403: invalid_token\\u001b[31m`,
    `${named(3)}: it has only pings, which are not tried.`,
    '',
  ]);
  expect(paths().toSorted()).toEqual(['/bad', '/hook', '/slack']);
  const [message] = receiver.to('/hook');
  expect(message === undefined ? 'none' : refusalOf(message, SECRET)).toBeUndefined();
  const json = await runProgram(process.execPath, [...command, '--json'], OPTIONS());
  expect(JSON.parse(json.stdout)).toMatchObject({
    addresses: [{ isDelivered: true }, {}, { isDelivered: false }, {}],
  });
});

test('lifeboat notify without an address is refused with the next step', async () => {
  const command = (await commandOf([], { notify: undefined }, 'notify')).concat();
  const { code, stderr } = await runProgram(process.execPath, command, OPTIONS());
  expect(code).toBe(2);
  expect(stderr).toContain('has no address: add one below "notify", as docs/notifications.md says.');
});
