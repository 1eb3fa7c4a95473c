/** Tests which digests of a repository's index wait for an approval, and their lines in the history. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import type { CandidateEntry, TagEntry } from '../../../core/repository-index.ts';
import { CommandLine } from '../../../mirror-job/terminal/command-line.ts';
import { findWaiting, statusOf } from '../../../mirror-job/engine/tags/tag-status.ts';
import { describeHistory } from '../../../mirror-job/terminal/history-text.ts';
import { OCI_MANIFEST } from '../../support/media-types.ts';

const PLAIN = { good: String, waits: String, bad: String, faint: String };
const repository = parseRepository('localhost:5000/app');

/** Makes a digest whose digits repeat `name`. */
function digest(name: string) {
  return parseDigest(`sha256:${name.repeat(64)}`);
}

function observed(tag: string, name: string, day: number) {
  return {
    tag: parseTag(tag),
    mediaType: OCI_MANIFEST,
    digest: digest(name),
    size: 1,
    firstSeen: `2026-01-0${day}T00:00:00.000Z`,
  };
}

const tagAt = (tag: string, name: string, day: number, hold?: string): TagEntry => ({
  kind: 'tag',
  ...observed(tag, name, day),
  hold,
});
const candidate = (tag: string, name: string, day: number): CandidateEntry => ({
  kind: 'candidate',
  ...observed(tag, name, day),
});

const FOLLOWS = tagAt('follows', 'b', 2);

const ENTRIES = [
  FOLLOWS,
  candidate('follows', 'a', 1),
  tagAt('young', 'a', 1),
  candidate('young', 'c', 3),
  candidate('young', 'd', 4),
  tagAt('held', 'b', 2, 'reverted by hand'),
  candidate('held', 'a', 1),
  candidate('held', 'c', 3),
  // The tag's own digest does not wait, even if the index still lists it.
  candidate('held', 'b', 2),
  candidate('new', 'a', 1),
];

test('a held tag waits with all its digests, and another tag with the digests that are newer than its own', () => {
  const row = (tag: string) => findWaiting(ENTRIES).find((status) => status.tag === tag);
  expect(findWaiting(ENTRIES).map(({ tag }) => tag)).toEqual(['held', 'new', 'young']);
  expect(row('held')?.candidates.map((one) => [one.digest, one.state])).toEqual([
    [digest('c'), 'waits'],
    [digest('a'), 'older'],
  ]);
  expect(row('young')?.candidates.map((one) => one.digest)).toEqual([digest('d'), digest('c')]);
  expect([row('new')?.digest, row('new')?.candidates.length]).toEqual([undefined, 1]);
  expect(statusOf(ENTRIES, parseTag('follows'), FOLLOWS).candidates).toEqual([
    { digest: digest('a'), firstSeen: '2026-01-01T00:00:00.000Z', state: 'older' },
  ]);
});

test('the history prints movements, and below them the digests that wait, with the command that approves each', () => {
  const movement = { tag: parseTag('held'), run: '20260105T000000.000Z-abc', at: '2026-01-05T06:07:08.999Z' };
  const movements = [
    {
      ...movement,
      from: digest('c'),
      to: digest('b'),
      why: 'reverted',
      by: 'alice@laptop',
      isCarriedOut: true,
    },
    {
      ...movement,
      tag: parseTag('new'),
      from: undefined,
      to: digest('a'),
      why: 'first seen',
      isCarriedOut: false,
    },
  ];
  const named = { repository, tag: undefined, digest: undefined };
  const history = { movements, tags: findWaiting(ENTRIES), limit: 20 };
  expect(
    describeHistory(named, history, {
      style: PLAIN,
      commandLine: new CommandLine('lifeboat', 'm.yaml'),
      width: Infinity,
    }),
  ).toBe(`\
2026-01-05 06:07:08Z  held  cccccccccccc  →  bbbbbbbbbbbb  reverted                      by alice@laptop  run 20260105T000000.000Z-abc
2026-01-05 06:07:08Z  new   nowhere       →  aaaaaaaaaaaa  first seen (not carried out)                   run 20260105T000000.000Z-abc

held localhost:5000/app:held is at bbbbbbbbbbbb: reverted by hand
  cccccccccccc, first seen 2026-01-03 00:00:00Z: lifeboat approve -c m.yaml localhost:5000/app:held@${digest('c')}
  aaaaaaaaaaaa, first seen 2026-01-01 00:00:00Z: older

localhost:5000/app:new is not served yet
  aaaaaaaaaaaa, first seen 2026-01-01 00:00:00Z: lifeboat approve -c m.yaml localhost:5000/app:new@${digest('a')}

localhost:5000/app:young is at aaaaaaaaaaaa
  dddddddddddd, first seen 2026-01-04 00:00:00Z: lifeboat approve -c m.yaml localhost:5000/app:young@${digest('d')}
  cccccccccccc, first seen 2026-01-03 00:00:00Z: lifeboat approve -c m.yaml localhost:5000/app:young@${digest('c')}`);
  const tagsAt = { [digest('b')]: ['held', '1.27.3'], [digest('c')]: ['1', '2', '3'] };
  const options = { style: PLAIN, commandLine: new CommandLine(), width: Infinity };
  expect(
    describeHistory(named, { ...history, movements: movements.slice(0, 1), tags: [], tagsAt }, options),
  ).toBe(
    '2026-01-05 06:07:08Z  held  cccccccccccc (1, 2, …)  →  bbbbbbbbbbbb (1.27.3)  reverted  by alice@laptop  run 20260105T000000.000Z-abc',
  );
  const many = Array.from('123456', (name, index) => candidate('held', name, index + 1));
  const status = statusOf(many, parseTag('held'), {
    digest: digest('b'),
    moved: '2026-01-01T12:00:00.000Z',
  });
  expect(
    describeHistory(
      { ...named, tag: parseTag('held') },
      { movements: [], tags: [status], limit: 20 },
      { style: PLAIN, commandLine: new CommandLine(), width: Infinity },
    ).split('\n'),
  ).toEqual([
    'No movement is recorded.',
    '',
    'localhost:5000/app:held is at bbbbbbbbbbbb',
    ...Array.from('65432', (name) =>
      expect.stringContaining(`  ${name.repeat(12)}, first seen 2026-01-0${name} `),
    ),
    '  … and 1 more; --json shows them',
  ]);
});

test('a digest from which somebody moved the tag by hand does not wait, and is shown without a command', () => {
  const left = { ...candidate('young', 'c', 3), left: '2026-01-03T00:00:00.000Z' };
  const entries = [tagAt('young', 'a', 1), left];
  expect(findWaiting(entries)).toEqual([]);
  // The digest waits again, because upstream has come back to it.
  const again = { ...left, returned: '2026-01-04T00:00:00.000Z' };
  expect(findWaiting([tagAt('young', 'a', 1), again])).toHaveLength(1);
  const tag = parseTag('young');
  const status = statusOf(entries, tag, tagAt('young', 'a', 1));
  const history = { movements: [], tags: [status], limit: 20 };
  expect(
    describeHistory({ repository, tag, digest: undefined }, history, {
      style: PLAIN,
      commandLine: new CommandLine(),
      width: Infinity,
    }),
  ).toBe(`\
No movement is recorded.

localhost:5000/app:young is at aaaaaaaaaaaa
  cccccccccccc, first seen 2026-01-03 00:00:00Z: left by hand`);
});
