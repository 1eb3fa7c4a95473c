/** Requests of notifications to a real server: signatures, repeats, and the limits of both. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import type { NotifyTarget } from '../../../mirror-job/configuration/configuration.ts';
import { sendMessage, sendPing } from '../../../mirror-job/notify/address.ts';
import {
  DELIVERY_LIMITS,
  type DeliveryLimits,
  type DeliveryTools,
} from '../../../mirror-job/notify/delivery.ts';
import type { Message } from '../../../mirror-job/notify/message.ts';
import { webhookHeaders } from '../../../mirror-job/notify/signature.ts';
import { systemClock } from '../../../mirror-job/runtime/node/clock.ts';
import { connect } from '../../../mirror-job/runtime/node/connection.ts';
import { TestClock } from '../support/harness.ts';
import { Receiver } from './receiver.ts';
import { refusalOf } from './standard-webhooks.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const MESSAGE: Message = {
  type: 'lifeboat.test',
  mirror: 'default',
  at: '2026-11-29T10:00:00.000Z',
  headline: 'Lifeboat mirror default: this is a test',
  sections: [],
  next: 'Nothing.',
};

let receiver: Receiver;

beforeAll(async () => {
  receiver = await Receiver.start();
});
afterAll(() => receiver?.stop());
beforeEach(() => receiver.reset());

function targetFor(path: string, more: Readonly<Record<string, unknown>> = {}): NotifyTarget {
  const text = JSON.stringify({
    store: { bucket: 'b', region: 'r' },
    images: ['a:1'],
    notify: [{ url: receiver.url(path), ...more }],
  });
  const [target] = parseConfiguration('lifeboat.yaml', text, {}).notify;
  if (target === undefined) throw new Error('There is one address.');
  return target;
}

async function tools(
  limits: Partial<DeliveryLimits> = {},
  signal = new AbortController().signal,
): Promise<DeliveryTools & { readonly clock: TestClock }> {
  return {
    client: await connect(undefined),
    clock: new TestClock(new Date().toISOString()),
    limits: { ...DELIVERY_LIMITS, ...limits },
    signal,
  };
}

test('the example of the specification has the signature of the specification', async () => {
  const headers = await webhookHeaders(
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    new Date(1_614_265_330_000),
    '{"test": 2432232314}',
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  );
  expect(headers).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('a message is signed as Standard Webhooks has it, and another secret or another body is noticed', async () => {
  const delivery = await sendMessage(targetFor('/hook', { secret: SECRET }), MESSAGE, 'r1', await tools());
  expect(delivery).toEqual({ isDelivered: true, status: 204 });
  const [one] = receiver.received;
  if (one === undefined) throw new Error('Nothing came.');
  expect(one).toMatchObject({
    method: 'POST',
    path: '/hook',
    headers: { 'content-type': 'application/json' },
  });
  expect(refusalOf(one, SECRET)).toBeUndefined();
  expect(refusalOf(one, `whsec_${Buffer.alloc(32, 8).toString('base64')}`)).toBe('the signature is wrong');
  expect(refusalOf({ ...one, body: `${one.body} ` }, SECRET)).toBe('the signature is wrong');
  expect(refusalOf(one, SECRET, new Date(Date.now() + 3_600_000))).toBe('it is too old');
  expect(JSON.stringify(one)).not.toContain(SECRET.slice(6));
});

test('without a secret a message has an id and a time, and no signature', async () => {
  await sendMessage(targetFor('/hook'), MESSAGE, 'r1', await tools());
  expect(receiver.received[0]?.headers).toMatchObject({
    'webhook-id': expect.stringMatching(/^msg_[0-9a-f]{24}$/),
    'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
  });
  expect(receiver.received[0]?.headers).not.toHaveProperty('webhook-signature');
});

test('a 500 is tried twice more, with the same id and a signature of its own time', async () => {
  receiver.answer((_, number) => ({ status: number < 3 ? 500 : 200 }));
  const used = await tools();
  const delivery = await sendMessage(targetFor('/hook', { secret: SECRET }), MESSAGE, 'r1', used);
  expect(delivery).toEqual({ isDelivered: true, status: 200 });
  expect(used.clock.sleeps).toEqual([1000, 2000]);
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(3);
  expect(receiver.received.map((one) => refusalOf(one, SECRET))).toEqual([undefined, undefined, undefined]);
});

test('the same message about the same run has the same id again, and another run has another one', async () => {
  for (const run of ['r1', 'r1', 'r2']) await sendMessage(targetFor('/hook'), MESSAGE, run, await tools());
  const [first, again, other] = receiver.received.map(({ headers }) => headers['webhook-id']);
  expect(again).toBe(first);
  expect(other).not.toBe(first);
});

test('three failures are the end, and say so', async () => {
  receiver.answer(() => ({ status: 503, body: 'we are\nmoving' }));
  const delivery = await sendMessage(targetFor('/hook'), MESSAGE, 'r1', await tools());
  expect(delivery).toEqual({ isDelivered: false, why: 'answered 503: we are\nmoving' });
  expect(receiver.received).toHaveLength(3);
});

test('Retry-After of a 429 is obeyed, and one that is too long is the end', async () => {
  receiver.answer((_, number) =>
    number === 1 ? { status: 429, headers: { 'Retry-After': '7' } } : { status: 200 },
  );
  const used = await tools();
  expect(await sendMessage(targetFor('/hook'), MESSAGE, 'r1', used)).toMatchObject({ isDelivered: true });
  expect(used.clock.sleeps).toEqual([7000]);
  receiver.answer(() => ({ status: 429, headers: { 'Retry-After': '60' } }));
  const late = await tools();
  expect(await sendMessage(targetFor('/late'), MESSAGE, 'r1', late)).toEqual({
    isDelivered: false,
    why: 'answered 429.',
  });
  expect(late.clock.sleeps).toEqual([]);
  expect(receiver.to('/late')).toHaveLength(1);
});

test.each([400, 401, 403, 404, 410])('a %i is not tried again', async (status) => {
  receiver.answer(() => ({ status, body: 'invalid_blocks' }));
  const delivery = await sendMessage(targetFor('/hook'), MESSAGE, 'r1', await tools());
  expect(delivery).toEqual({ isDelivered: false, why: `answered ${status}: invalid_blocks` });
  expect(receiver.received).toHaveLength(1);
});

test('an answer that repeats the address, its path or a part of it shows none of them', async () => {
  const path = '/services/T0AAAAAAA/B0BBBBBBB/abcdefghijklmnop?key=0123456789';
  const long = 'x'.repeat(180);
  const bodies: readonly (readonly [string, RegExp])[] = [
    [`Cannot POST ${path}`, /^answered 404: Cannot POST \*{3}$/],
    [`no hook ${receiver.url(path)}`, /^answered 404: no hook \*{3}$/],
    ['no team T0AAAAAAA, key 0123456789', /^answered 404: no team \*{3}, key \*{3}$/],
    // The path begins before the 200 characters that are shown, and ends after them.
    [long + path, /^answered 404: x{180}\*{3}$/],
    [long + path + long, /^answered 404: x{100,180}$/],
  ];
  for (const [body, why] of bodies) {
    receiver.answer(() => ({ status: 404, body }));
    const delivery = await sendMessage(targetFor(path), MESSAGE, 'r1', await tools());
    expect(delivery).toEqual({ isDelivered: false, why: expect.stringMatching(why) });
  }
});

test.each([301, 302, 307, 308])('a redirect (%i) is not followed', async (status) => {
  receiver.answer(({ path }) =>
    path === '/hook' ? { status, headers: { Location: receiver.url('/elsewhere') } } : { status: 200 },
  );
  const delivery = await sendMessage(targetFor('/hook', { secret: SECRET }), MESSAGE, 'r1', await tools());
  expect(delivery).toEqual({
    isDelivered: false,
    why: `answered ${status}, a redirect, which is not followed. Write the address that it leads to.`,
  });
  expect(receiver.received.map(({ path }) => path)).toEqual(['/hook']);
});

test('an address that never answers is given up after three tries, each of which is bounded', async () => {
  receiver.answer(() => ({ status: 200, isSilent: true }));
  const delivery = await sendMessage(targetFor('/hook'), MESSAGE, 'r1', await tools({ timeoutMs: 100 }));
  expect(delivery).toEqual({ isDelivered: false, why: 'did not answer within 0.1 s.' });
  expect(receiver.received).toHaveLength(3);
});

test('all tries together are bounded, and an abort ends them at once', async () => {
  receiver.answer(() => ({ status: 200, isSilent: true }));
  const why = 'did not take it in the time that there was.';
  const begun = performance.now();
  const bounded = await sendMessage(targetFor('/hook'), MESSAGE, 'r1', await tools({ totalMs: 200 }));
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 100);
  const stopped = await sendMessage(targetFor('/hook'), MESSAGE, 'r1', await tools({}, stop.signal));
  expect([bounded, stopped]).toEqual([
    { isDelivered: false, why },
    { isDelivered: false, why },
  ]);
  expect(performance.now() - begun).toBeLessThan(5000);
});

test('a host that cannot be reached is tried three times', async () => {
  const gone = await Receiver.start();
  const url = gone.url('/hook');
  await gone.stop();
  const used = await tools();
  const target = { ...targetFor('/hook'), url };
  expect(await sendMessage(target, MESSAGE, 'r1', used)).toEqual({
    isDelivered: false,
    why: 'cannot be reached (ECONNREFUSED).',
  });
  expect(used.clock.sleeps).toHaveLength(2);
});

test('a ping of healthchecks.io is a GET of its address, with /start and /fail', async () => {
  const target = targetFor('/hook', { ping: receiver.url('/uuid/') });
  const used = { ...(await tools()), clock: systemClock };
  for (const signal of ['start', 'success', 'fail'] as const) await sendPing(target, signal, used);
  expect(receiver.received.map(({ method, path, body }) => [method, path, body])).toEqual([
    ['GET', '/uuid/start', ''],
    ['GET', '/uuid/', ''],
    ['GET', '/uuid/fail', ''],
  ]);
});
