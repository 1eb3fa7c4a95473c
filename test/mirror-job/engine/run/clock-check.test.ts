/** The check of this machine's clock, and the time that an answer gives. */
import { describe, expect, test } from 'vitest';
import { checkClock, warnOfClocks, WrongClockError } from '../../../../mirror-job/engine/run/clock-check.ts';
import {
  ServerClock,
  type Timekeeper,
  type Witness,
} from '../../../../mirror-job/engine/support/server-clock.ts';

const NOW = Date.parse('2026-11-28T12:00:00.000Z');
const MINUTE = 60_000;
const YEARS = 26 * 365 * 24 * 60 * MINUTE;

describe('an answer', () => {
  test.each<[what: string, date: string | null, age: string | null, aheadMs: number | undefined]>([
    ['of this second', 'Sat, 28 Nov 2026 12:00:00 GMT', null, 0],
    ['of this second, which began a while ago', 'Sat, 28 Nov 2026 11:59:59 GMT', null, -1],
    ['of a server that is ahead', 'Sat, 28 Nov 2026 12:06:00 GMT', null, 6 * MINUTE],
    ['of a server that is behind', 'Sat, 28 Nov 2026 11:54:00 GMT', null, -6 * MINUTE + 999],
    ['of 2000', 'Tue, 28 Nov 2000 12:00:00 GMT', null, Date.parse('2000-11-28T12:00:00Z') + 999 - NOW],
    ['that a cache has kept for an hour', 'Sat, 28 Nov 2026 11:00:00 GMT', '3600', 0],
    ['that a cache has kept for an hour, and dated anew', 'Sat, 28 Nov 2026 12:00:00 GMT', '3600', 0],
    ['that is older than its age', 'Sat, 28 Nov 2026 10:00:00 GMT', '3600', -60 * MINUTE + 999],
    ['with an age that is none', 'Sat, 28 Nov 2026 11:54:00 GMT', '-3600', -6 * MINUTE + 999],
    ['with an age beyond all numbers', 'Sat, 28 Nov 2026 11:54:00 GMT', '9'.repeat(400), 0],
    ['without a date', null, '5', undefined],
    ['with a date in an obsolete format', 'Saturday, 28-Nov-26 12:00:00 GMT', null, undefined],
    ['with a date without a time zone', 'Sat Nov 28 12:00:00 2026', null, undefined],
    ['with something else as a date', 'yesterday', null, undefined],
  ])('%s', (_what, date, age, aheadMs) => {
    const time = new ServerClock();
    time.note(date, age, NOW);
    expect(time.aheadMs).toBe(aheadMs);
  });

  test('that a cache has kept without saying so does not outweigh one of the server itself', () => {
    const time = new ServerClock();
    time.note('Fri, 27 Nov 2026 12:00:00 GMT', null, NOW);
    time.note('Sat, 28 Nov 2026 12:00:00 GMT', null, NOW);
    time.note('Thu, 26 Nov 2026 12:00:00 GMT', null, NOW);
    expect(time.aheadMs).toBe(0);
  });
});

/** @param aheadMs undefined for a server that does not say the time */
function server(name: string, aheadMs: number | undefined): Timekeeper {
  return { name, time: { aheadMs } };
}

function witness(name: string, aheadMs: number | undefined): Witness & { asked: number } {
  const said: { aheadMs: number | undefined } = { aheadMs: undefined };
  const one = {
    name,
    time: said,
    asked: 0,
    askTime: async () => {
      one.asked += 1;
      said.aheadMs = aheadMs;
    },
  };
  return one;
}

async function check(
  stores: readonly Timekeeper[],
  witnesses: readonly Witness[] = [],
): Promise<{ readonly refusal: string | undefined; readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const log = { info: () => {}, warn: (message: string) => warnings.push(message) };
  const environment = { clock: { now: () => new Date(NOW) }, log };
  try {
    await checkClock(environment, stores, witnesses);
    return { refusal: undefined, warnings };
  } catch (error) {
    if (!(error instanceof WrongClockError)) throw error;
    return { refusal: error.message, warnings };
  }
}

const REFUSED = (said: string): string =>
  `this machine's clock cannot be believed: it says 2026-11-28T12:00:00Z, but ${said}. The ages of digests would be wrong, so nothing was done. Set the clock that is wrong (chrony or systemd-timesyncd keeps this machine's right), and run again.`;
const WARNED = (name: string, said: string): string =>
  `${name} says that it is ${said}, but this machine says 2026-11-28T12:00:00Z, and other servers agree with it. The run does not use the clock of ${name.replace('The', 'the')}.`;

describe('the store', () => {
  test.each<[what: string, aheadMs: number, isRefused: boolean]>([
    ['that agrees', 0, false],
    ['that is five minutes ahead', 5 * MINUTE, false],
    ['that is more than five minutes ahead', 5 * MINUTE + 1, true],
    ['that is five minutes behind', -5 * MINUTE, false],
    ['that is more than five minutes behind', -5 * MINUTE - 1, true],
  ])('%s', async (_what, aheadMs, isRefused) => {
    const { refusal, warnings } = await check([server('The bucket', aheadMs)]);
    expect([refusal !== undefined, warnings]).toEqual([isRefused, []]);
  });

  test('is named, with what it says and what this machine says', async () => {
    const { refusal } = await check([server('The bucket "a" at https://s3.test', -YEARS)]);
    expect(refusal).toBe(REFUSED('the bucket "a" at https://s3.test says 2000-12-04T12:00:00Z'));
  });

  test('decides alone: no upstream is asked, and none can stop the run', async () => {
    const upstream = witness('upstream.test', YEARS);
    expect(await check([server('The bucket', 0)], [upstream])).toEqual({ refusal: undefined, warnings: [] });
    expect(upstream.asked).toBe(0);
  });

  test('whose clock is wrong does not stop a mirror that has another one', async () => {
    const stores = [
      server('The bucket "a"', YEARS),
      server('The bucket "b"', 0),
      server('The bucket "c"', undefined),
    ];
    expect(await check(stores)).toEqual({
      refusal: undefined,
      warnings: [WARNED('The bucket "a"', '2052-11-21T12:00:00Z')],
    });
  });

  test('that agrees with no other one is outweighed', async () => {
    const stores = [
      server('The bucket "a"', 0),
      server('The bucket "b"', YEARS),
      server('The bucket "c"', -YEARS),
    ];
    expect((await check(stores)).refusal).toBe(
      REFUSED('the bucket "b" says 2052-11-21T12:00:00Z, and the bucket "c" says 2000-12-04T12:00:00Z'),
    );
  });
});

describe('upstreams, if no store says the time', () => {
  const silent = [server('The bucket "a"', undefined), { name: 'The bucket "b"' }];

  test.each<[what: string, aheadMs: readonly (number | undefined)[], isRefused: boolean]>([
    ['none of them says it either', [undefined], false],
    ['the only one agrees', [0], false],
    ['the only one contradicts', [YEARS], true],
    ['one of two contradicts', [YEARS, 0], false],
    ['one of two contradicts, and the other one says nothing', [YEARS, undefined], true],
    ['two of three contradict', [YEARS, 0, -YEARS], true],
    ['one of three contradicts', [0, 0, -YEARS], false],
  ])('%s', async (_what, aheadMs, isRefused) => {
    const witnesses = aheadMs.map((one, index) => witness(`upstream-${index}.test`, one));
    expect((await check(silent, witnesses)).refusal !== undefined).toBe(isRefused);
    expect(witnesses.map(({ asked }) => asked)).toEqual(aheadMs.map(() => 1));
  });

  test('are named', async () => {
    expect((await check(silent, [witness('upstream.test', YEARS)])).refusal).toBe(
      REFUSED('upstream.test says 2052-11-21T12:00:00Z'),
    );
  });
});

test('a clock beyond all dates is refused in words', async () => {
  expect((await check([server('The bucket', 9e15)])).refusal).toBe(
    REFUSED('the bucket says a time beyond all dates'),
  );
});

test('the upstreams whose clocks are wrong are named in a warning each', () => {
  const warnings: string[] = [];
  const log = { info: () => {}, warn: (message: string) => warnings.push(message) };
  warnOfClocks({ clock: { now: () => new Date(NOW) }, log }, [
    server('one.test', 0),
    server('two.test', -YEARS),
    server('three.test', undefined),
  ]);
  expect(warnings).toEqual([WARNED('two.test', '2000-12-04T12:00:00Z')]);
});
