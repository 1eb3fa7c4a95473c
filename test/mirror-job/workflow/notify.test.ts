/** The job as a Worker tells addresses about its runs, through workerd's own `fetch`. */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { Receiver } from '../notify/receiver.ts';
import { refusalOf } from '../notify/standard-webhooks.ts';
import { JobOnNetwork } from './job-on-network.ts';
import { SmallRegistry, textOf } from './small-registry.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

let job: JobOnNetwork;
let upstream: SmallRegistry;
let receiver: Receiver;

beforeAll(async () => {
  upstream = await SmallRegistry.start(['app']);
  await upstream.tag('app', 'one', '1');
  receiver = await Receiver.start();
  job = await JobOnNetwork.start({ NOTIFY_SECRET: SECRET });
  const notify = [
    { url: receiver.url('/hook'), secret: '${NOTIFY_SECRET}', ping: receiver.url('/check') },
    { url: receiver.url('/teams'), format: 'teams' },
  ];
  await job.configure(textOf({ ...upstream.configuration({ credentials: [] }), notify }));
});

beforeEach(() => {
  upstream.reset();
  receiver.reset();
});

afterAll(async () => {
  await job?.close();
  await upstream?.stop();
  await receiver?.stop();
});

function paths(): string[] {
  return receiver.received.map(({ path }) => path).toSorted();
}

test('a run that goes well pings, and sends no message', async () => {
  expect(await job.run()).toMatchObject({ counts: { created: 1 } });
  expect(paths()).toEqual(['/check', '/check/start']);
});

test('a failure is told once, signed, although the address fails at first, and so is its end', async () => {
  upstream.registry.misbehave(() => ({ kind: 'status', status: 403 }));
  receiver.answer(({ path }, number) => ({ status: path === '/hook' && number === 1 ? 500 : 200 }));
  expect(await job.run()).toMatchObject({ counts: { failed: 1 } });
  expect(paths()).toEqual(['/check/fail', '/check/start', '/hook', '/hook', '/teams']);
  const [first, second] = receiver.to('/hook');
  if (first === undefined || second === undefined) throw new Error('There are two attempts.');
  expect([refusalOf(first, SECRET), refusalOf(second, SECRET)]).toEqual([undefined, undefined]);
  expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
  expect(JSON.parse(second.body)).toMatchObject({
    data: { run: { exitCode: 1 }, sections: [{ event: 'failed', state: 'new' }] },
  });

  receiver.reset();
  await job.run();
  expect(paths()).toEqual(['/check/fail', '/check/start']);

  receiver.reset();
  upstream.reset();
  await job.run();
  expect(paths()).toEqual(['/check', '/check/start', '/hook', '/teams']);
  expect(JSON.parse(receiver.to('/hook')[0]?.body ?? '')).toMatchObject({
    data: { run: { exitCode: 0 }, sections: [{ event: 'failed', state: 'ended' }] },
  });
});

test('a redirect is not followed, and a run whose addresses fail is whole', async () => {
  receiver.answer(({ path }) =>
    path === '/elsewhere'
      ? { status: 200 }
      : { status: 307, headers: { Location: receiver.url('/elsewhere') } },
  );
  expect(await job.run()).toMatchObject({ counts: { unchanged: 1, failed: 0 } });
  expect(paths()).toEqual(['/check', '/check/start']);
});
