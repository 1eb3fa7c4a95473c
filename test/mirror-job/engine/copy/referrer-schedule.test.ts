/** The referrers of an unchanged image are requested often in its first week, then weekly. */
import { expect, test } from 'vitest';
import { referrersAreDue } from '../../../../mirror-job/engine/copy/referrer-schedule.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = new Date('2026-03-01T12:00:00.000Z');

/** The milliseconds since each time. */
function due(age: number, checked: number | undefined, every: number | false): boolean {
  const ago = (milliseconds: number) => new Date(NOW.getTime() - milliseconds).toISOString();
  const referrersChecked = checked === undefined ? undefined : ago(checked);
  return referrersAreDue({ firstSeen: ago(age), referrersChecked }, every, NOW);
}

test.each<[string, number, number | undefined, number | false, boolean]>([
  ['never asked', 365 * DAY, undefined, DAY, true],
  ['never to be asked', 0, undefined, false, false],
  ['just asked', 0, 0, DAY, false],
  ['young, a moment before', DAY, DAY - 1, DAY, false],
  ['young, to the moment', DAY, DAY, DAY, true],
  ['an hour, a moment before', DAY, HOUR - 1, HOUR, false],
  ['an hour', DAY, HOUR, HOUR, true],
  ['the last moment of the first week', 7 * DAY - 1, DAY, DAY, true],
  ['a week old', 7 * DAY, DAY, DAY, false],
  ['a week old, asked a week ago but for a moment', 7 * DAY, 7 * DAY - 1, DAY, false],
  ['a week old, asked a week ago', 7 * DAY, 7 * DAY, DAY, true],
  ['old, every 30 days, a week', 90 * DAY, 7 * DAY, 30 * DAY, false],
  ['old, every 30 days, a moment before', 90 * DAY, 30 * DAY - 1, 30 * DAY, false],
  ['old, every 30 days', 90 * DAY, 30 * DAY, 30 * DAY, true],
  ['young, every 30 days', 6 * DAY, 6 * DAY, 30 * DAY, false],
  ['in every run', 0, 0, 0, true],
  ['asked by a clock that is a little ahead', 0, -HOUR, DAY, false],
  ['asked by a clock that was wrong by years', 0, -1000 * DAY, DAY, true],
  ['first seen by a clock that was wrong by years', -1000 * DAY, DAY, DAY, true],
])('referrers are due or not: %s', (_name, age, checked, every, expected) => {
  expect(due(age, checked, every)).toBe(expected);
});
