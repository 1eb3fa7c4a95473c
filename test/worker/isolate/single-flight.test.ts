/** A request shares another one's work: its result and its failures, and it waits for them for a limited time. */
import { beforeEach, expect, it } from 'vitest';
import { RegistryError } from '../../../core/error.ts';
import type { RequestContext } from '../../../worker/isolate/request-context.ts';
import { SingleFlight } from '../../../worker/isolate/single-flight.ts';
import { Time } from '../support/time.ts';

const PATIENCE_MS = 4000;
const NEVER = new Promise<string>(() => {});

let time: Time;
let flights: SingleFlight<string>;
beforeEach(() => {
  time = new Time();
  // A clock at 0 would hide that times are added instead of subtracted.
  time.now = 100_000;
  flights = new SingleFlight<string>({ ...time.options, patienceMs: PATIENCE_MS });
});

/** The text that one request gets, or its error, with how long it waited for others. */
async function run(work: Promise<string>, context: RequestContext = time.scope()): Promise<string> {
  const result = await flights.run(context, 'key', () => work).catch(String);
  return `${result} after ${context.trace.storeMs} ms`;
}

it('a request that comes later does the work itself once the first one has had 4 seconds', async () => {
  void run(NEVER);
  await time.pass(3000);
  let isDone = false;
  const second = run(Promise.resolve('second')).finally(() => (isDone = true));
  await time.pass(999);
  expect(isDone).toBe(false);
  await time.pass(1);
  expect(await second).toBe('second after 1000 ms');
});

it('a request waits no longer than it has time, and is told so', async () => {
  void run(NEVER);
  const context = time.scope(1500);
  const refused = flights.run(context, 'key', () => NEVER).catch((error: unknown) => error);
  await time.pass(1500);
  expect(await refused).toEqual(new RegistryError('UNAVAILABLE', 'No store answers at the moment.'));
  expect(await refused).toMatchObject({ code: 'UNAVAILABLE' });
  expect(context.trace).toMatchObject({
    storeMs: 1500,
    failures: ['Another request asks for the same object, and had no answer in time.'],
  });
});

it.each([
  ['success', 'done after 0 ms', 'done after 700 ms'],
  ['failure', 'Error: gone after 0 ms', 'Error: gone after 700 ms'],
])('a %s is shared with the failures on its way, and not with earlier ones', async (kind, own, shared) => {
  const contexts = [time.scope(), time.scope(), time.scope()] as const;
  const [leader, ...followers] = contexts;
  leader.trace.failures.push('before');
  const go = Promise.withResolvers<void>();
  const work = async () => {
    await go.promise;
    leader.trace.failures.push('meanwhile');
    if (kind === 'failure') throw new Error('gone');
    return 'done';
  };
  const runs = contexts.map(async (context) => {
    const result = await flights.run(context, 'key', work).catch(String);
    return `${result} after ${context.trace.storeMs} ms`;
  });
  await time.pass(700);
  go.resolve();
  expect(await Promise.all(runs)).toEqual([own, shared, shared]);
  expect(leader.trace.failures).toEqual(['before', 'meanwhile']);
  for (const { trace } of followers) expect(trace.failures).toEqual(['meanwhile']);
});

it('the late failure of a request that another one has replaced concerns nobody else', async () => {
  const first = Promise.withResolvers<string>();
  const second = Promise.withResolvers<string>();
  const failed = run(first.promise);
  await time.pass(PATIENCE_MS);
  const replaced = run(second.promise);
  const joined = run(NEVER);
  first.reject(new Error('late'));
  expect(await failed).toBe('Error: late after 0 ms');
  await time.pass(10);
  second.resolve('second');
  expect(await Promise.all([replaced, joined])).toEqual(['second after 0 ms', 'second after 10 ms']);
});

it('the late success of a request does not end the work that began after it', async () => {
  const first = Promise.withResolvers<string>();
  const late = run(first.promise);
  await time.pass(PATIENCE_MS);
  expect(await run(Promise.resolve('second'))).toBe('second after 0 ms');
  const third = Promise.withResolvers<string>();
  const leading = run(third.promise);
  first.resolve('first');
  expect(await late).toBe('first after 0 ms');
  const joined = run(Promise.resolve('a work of its own'));
  third.resolve('third');
  expect(await Promise.all([leading, joined])).toEqual(['third after 0 ms', 'third after 0 ms']);
});
