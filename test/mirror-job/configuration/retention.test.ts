/** `retention`, of the mirror and of an image: its defaults, what overrides what, and its mistakes. */
import { expect, test } from 'vitest';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { DAY } from '../support/harness.ts';
import { STORE, testComplaints } from './table.ts';

const HOUR = 3_600_000;

test('the mirror has defaults, and an image overrides its keys, or is left as it is', () => {
  const text = `${STORE}retention: { history: 5, keep: [lts] }
images:
  - a.test/one:1
  - { source: a.test/two, tags: ['*'], retention: { days: 7, keep: ['v1.*'] } }
  - { source: a.test/three, tags: ['*'], retention: false }
`;
  const { retention, images } = parseConfiguration('/etc/f.yaml', text, {});
  expect(retention).toMatchObject({ history: 5, keepMs: 90 * DAY, maxDeletePercent: 10, graceMs: 48 * HOUR });
  expect(retention?.keep.map((one) => one.matches('lts'))).toEqual([true]);
  expect(images.map((image) => image.retention)).toMatchObject([
    undefined,
    { history: 5, keepMs: 7 * DAY },
    false,
  ]);
  const two = images[1]?.retention;
  expect(two === false ? [] : two?.keep.map(({ text: pattern }) => pattern)).toEqual(['v1.*']);
});

test('without the key, nothing is pruned', () => {
  const { retention } = parseConfiguration('/etc/f.yaml', `${STORE}images: [a.test/one:1]`, {});
  expect(retention).toBeUndefined();
});

testComplaints('retention', [
  [
    'no history',
    `${STORE}retention: { history: 0 }\nimages: [a:1]`,
    'f.yaml:2: retention.history: it must be at least 1.',
  ],
  [
    'too many days',
    `${STORE}retention: { days: 4000 }\nimages: [a:1]`,
    'f.yaml:2: retention.days: it must be at most 3650.',
  ],
  [
    'more than all',
    `${STORE}retention: { maxDeletePercent: 101 }\nimages: [a:1]`,
    'f.yaml:2: retention.maxDeletePercent: it must be at most 100.',
  ],
  [
    'a short grace',
    `${STORE}retention: { grace: 1h }\nimages: [a:1]`,
    'f.yaml:2: retention.grace: it must be at least 25h: an edge may count on an object for a day.',
  ],
  [
    'a long grace',
    `${STORE}retention: { grace: 99999999d }\nimages: [a:1]`,
    'f.yaml:2: retention.grace: it must be at most 90d: no other plan can be applied until this one has come to its end. To keep images for longer, raise days.',
  ],
  [
    'a grace of an image',
    `${STORE}images:\n  - source: a:1\n    retention: { grace: 30h }`,
    'f.yaml:4: images[0].retention.grace: this key belongs elsewhere: retention.grace.',
  ],
  [
    'a text for an image',
    `${STORE}images:\n  - source: a:1\n    retention: never`,
    'f.yaml:4: images[0].retention: it must be a map with history, days and keep, or false.',
  ],
]);
