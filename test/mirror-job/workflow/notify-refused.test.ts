/** The job as a Worker tells addresses that a run could not begin, as far as it can read whom to tell. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { Receiver } from '../notify/receiver.ts';
import { refusalOf } from '../notify/standard-webhooks.ts';
import { JobInWorkerd } from './job-in-workerd.ts';
import { JobOnNetwork } from './job-on-network.ts';
import { SmallRegistry, textOf } from './small-registry.ts';

vi.setConfig({ testTimeout: 120_000 });

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

const CREDENTIALS = '"credentials":[{"username":"a","password":"${REGISTRY_PASSWORD}"}]';

let job: JobOnNetwork | JobInWorkerd | undefined;
let upstream: SmallRegistry;
let receiver: Receiver;

beforeAll(async () => {
  upstream = await SmallRegistry.start(['app']);
  await upstream.tag('app', 'one', '1');
  receiver = await Receiver.start();
});

beforeEach(() => {
  upstream.reset();
  receiver.reset();
});

afterEach(async () => {
  await job?.close();
  job = undefined;
});

afterAll(async () => {
  await upstream?.stop();
  await receiver?.stop();
});

function notifying(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const notify = [{ url: receiver.url('/hook'), secret: '${NOTIFY_SECRET}', ping: receiver.url('/check') }];
  return { name: 'mine', ...upstream.configuration({ credentials: [] }), notify, ...more };
}

const paths = (): string[] => receiver.received.map(({ path }) => path).toSorted();

/** @returns the message, which is signed */
function message(): unknown {
  const [first] = receiver.to('/hook');
  if (first === undefined) throw new Error('There is no message.');
  expect(refusalOf(first, SECRET)).toBeUndefined();
  return JSON.parse(first.body);
}

function notBegun(text: unknown): object {
  const lines = [{ name: 'the run', text }];
  return {
    type: 'lifeboat.not-begun',
    data: { mirror: 'mine', sections: [{ event: 'failed', state: 'new', lines }] },
  };
}

test.for<[string, (text: string) => string, RegExp]>([
  ['a key that it does not know', (text) => text.replace('"images"', '"imagez"'), /imagez/],
  ['no YAML', (text) => `${text.slice(0, -1)}, "images": ["unfinished}`, /./],
  [
    'a secret that is not set',
    (text) => text.replace('"credentials":[]', CREDENTIALS),
    /REGISTRY_PASSWORD is not set/,
  ],
  ['a layout, which needs a disk', (text) => text.replace('"images":[', '"images":["oci:./a",'), /./],
])('a configuration with %s: signed, once, and a ping that it failed', async ([, change, sentence]) => {
  job = await JobOnNetwork.start({ NOTIFY_SECRET: SECRET });
  await job.configure(change(textOf(notifying())));
  expect(await job.failingRun()).toMatch(sentence);
  expect(paths()).toEqual(['/check/fail', '/hook']);
  expect(message()).toMatchObject(notBegun(expect.stringMatching(sentence)));
});

test('a bucket of others is told, by a configuration that is a variable of the Worker', async () => {
  const { name: _, ...rest } = notifying();
  job = await JobOnNetwork.start({ NOTIFY_SECRET: SECRET, CONFIGURATION: textOf({ name: 'mine', ...rest }) });
  await job.put('photos/cat.jpg', 'a cat');
  expect(await job.failingRun()).toMatch(/holds other things/);
  expect(paths()).toEqual(['/check/fail', '/hook']);
  expect(message()).toMatchObject(notBegun(expect.stringMatching(/photos\/cat\.jpg/)));
});

test('an address whose own secret is missing is left out, and the others are told; without any, the run fails as before', async () => {
  job = await JobOnNetwork.start();
  const notify = [
    { url: receiver.url('/signed'), secret: '${NOTIFY_SECRET}' },
    { url: receiver.url('/plain'), on: ['failed'] },
    { url: receiver.url('/held'), on: ['held'] },
  ];
  await job.configure(textOf(notifying({ notify })));
  expect(await job.failingRun()).toMatch(/NOTIFY_SECRET is not set/);
  expect(paths()).toEqual(['/plain']);
  receiver.reset();
  await job.configure(textOf(notifying({ notify: notify.slice(0, 1) })));
  expect(await job.failingRun()).toMatch(/NOTIFY_SECRET is not set/);
  expect(paths()).toEqual([]);
});

test('a plan that fails for good, as while the store does not answer, is told once its attempts are over', async () => {
  const inWorkerd = await JobInWorkerd.start({ NOTIFY_SECRET: SECRET });
  job = inWorkerd;
  await inWorkerd.configure(textOf(notifying()));
  const due = inWorkerd.nextDue();
  await inWorkerd.failStep('RUN', due, 'plan', 5);
  await inWorkerd.fire(due);
  await expect(inWorkerd.outputOf(due)).rejects.toThrow('It failed.');
  expect(paths()).toEqual(['/check/fail', '/hook']);
  expect(message()).toMatchObject(notBegun('It failed.'));
});

test('of the runs that are left out while one is still going, the first one tells it', async () => {
  const onNetwork = await JobOnNetwork.start({ NOTIFY_SECRET: SECRET });
  job = onNetwork;
  await onNetwork.configure(textOf(notifying()));
  const going = Promise.withResolvers<void>();
  upstream.registry.misbehave(({ kind }) => {
    going.resolve();
    return kind === 'manifest' ? { kind: 'delay', milliseconds: 6000 } : undefined;
  });
  const [first, second, third] = [onNetwork.nextDue(), onNetwork.nextDue(), onNetwork.nextDue()];
  await onNetwork.fire(first);
  await going.promise;
  for (const due of [second, third]) {
    await onNetwork.fire(due);
    expect(await onNetwork.outputOf(due)).toHaveProperty('leftOut');
  }
  expect(paths()).toEqual(['/check/fail', '/check/start', '/hook']);
  expect(message()).toMatchObject(
    notBegun(expect.stringMatching(/^The run run-\S+ is still going, so this one is left out\./)),
  );

  expect(await onNetwork.outputOf(first)).toMatchObject({ counts: { failed: 0 } });
  expect(paths()).toContain('/check');
});
