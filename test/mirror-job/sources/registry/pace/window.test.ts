/** How many requests one upstream gets at once, after responses at times that the test chooses. */
import { expect, test } from 'vitest';
import {
  RequestWindow,
  type Outcome,
  type Leave,
} from '../../../../../mirror-job/sources/registry/pace/window.ts';
import { TestClock } from '../../../support/harness.ts';

function windowOf(ceiling = 32): { window: RequestWindow; clock: TestClock; stop: AbortController } {
  const clock = new TestClock();
  const stop = new AbortController();
  return { window: new RequestWindow(ceiling, clock, stop.signal), clock, stop };
}

/** Fills the window with requests, which all end in the same way after `tookMs`. */
async function round(window: RequestWindow, clock: TestClock, how: Outcome, tookMs = 25): Promise<void> {
  const leaves = await enterAll(window, window.size);
  clock.advance(tookMs);
  for (const leave of leaves) leave(how);
}

function enterAll(window: RequestWindow, count: number): Promise<Leave[]> {
  return Promise.all(Array.from({ length: count }, () => window.enter()));
}

/** Whether a promise is settled when everything that can run has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  return settled;
}

test('the window starts at twenty-four, grows by one for each fast answer, and never exceeds the ceiling', async () => {
  const { window, clock } = windowOf(250);
  const sizes: number[] = [];
  for (let index = 0; index < 4; index += 1) {
    sizes.push(window.size);
    await round(window, clock, 'answered');
  }
  expect([...sizes, window.size]).toEqual([24, 48, 96, 192, 250]);
});

test('the window starts at a ceiling that is below twenty-four', () => {
  expect(windowOf(3).window.size).toBe(3);
});

test('a burst that is refused halves the window once, and the next burst halves it again, down to one', async () => {
  const { window, clock } = windowOf();
  const sizes: number[] = [];
  for (let index = 0; index < 5; index += 1) {
    await round(window, clock, 'refused');
    sizes.push(window.size);
  }
  expect(sizes).toEqual([12, 6, 3, 1, 1]);
});

test('after a refusal the window grows by one in as many answers as it lets in', async () => {
  const { window, clock } = windowOf();
  await round(window, clock, 'refused');
  const sizes: number[] = [];
  for (let index = 0; index < 4; index += 1) {
    await round(window, clock, 'answered');
    sizes.push(window.size);
  }
  expect(sizes).toEqual([12, 13, 14, 15]);
});

test('slow answers, failures, and requests that do not fill the window leave it as it is', async () => {
  const { window, clock } = windowOf(100);
  await round(window, clock, 'answered', 25);
  expect(window.size).toBe(48);
  await round(window, clock, 'answered', 101);
  await round(window, clock, 'failed');
  const [alone] = await enterAll(window, 1);
  // It takes no time at all, and is the fastest from here on.
  alone?.('answered');
  expect(window.size).toBe(48);
  await round(window, clock, 'answered', 51);
  expect(window.size).toBe(48);
  await round(window, clock, 'answered', 50);
  expect(window.size).toBe(96);
});

test('a request that finds no room waits for it, in the order of the calls', async () => {
  const { window } = windowOf(2);
  const [first, second] = await enterAll(window, 2);
  const third = window.enter();
  const fourth = window.enter();
  expect([await isSettled(third), await isSettled(fourth)]).toEqual([false, false]);
  first?.('failed');
  expect([await isSettled(third), await isSettled(fourth)]).toEqual([true, false]);
  second?.('failed');
  expect(await isSettled(fourth)).toBe(true);
});

test('a pause holds for all requests, is slept once, and is not shortened by a shorter one', async () => {
  const { window, clock } = windowOf();
  window.pause(7000);
  window.pause(1000);
  const leaves = await enterAll(window, 3);
  expect([leaves.length, clock.sleeps]).toEqual([3, [7000]]);
  expect(clock.now().toISOString()).toBe('2026-01-01T00:00:07.000Z');
});

test('a run that has to stop during a pause rejects every request, whether woken or waiting', async () => {
  const { window, stop } = windowOf(1);
  const [first] = await enterAll(window, 1);
  const waiting = [window.enter(), window.enter(), window.enter()];
  expect(await isSettled(Promise.race(waiting))).toBe(false);
  window.pause(1000);
  stop.abort(new Error('stopped'));
  first?.('failed');
  const results = await Promise.allSettled(waiting);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
});

test('a run that has to stop rejects all requests that wait', async () => {
  const { window, stop } = windowOf(1);
  const [first] = await enterAll(window, 1);
  const waiting = [window.enter(), window.enter()];
  expect(await isSettled(Promise.race(waiting))).toBe(false);
  stop.abort(new Error('stopped'));
  first?.('failed');
  const results = await Promise.allSettled(waiting);
  expect(results.map((result) => (result.status === 'rejected' ? String(result.reason) : 'entered'))).toEqual(
    ['Error: stopped', 'Error: stopped'],
  );
});
