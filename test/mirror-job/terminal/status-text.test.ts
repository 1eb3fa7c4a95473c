/** The lines of `lifeboat status` about tags that are held. */
import { expect, test } from 'vitest';
import { parseDigest } from '../../../core/digest.ts';
import type { HeldLine } from '../../../core/overview.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import { CommandLine } from '../../../mirror-job/terminal/command-line.ts';
import { describeStatus } from '../../../mirror-job/terminal/status-text.ts';
import { styleFor } from '../../../mirror-job/terminal/style.ts';

const OURS = parseDigest(`sha256:${'1'.repeat(64)}`);
const THEIRS = parseDigest(`sha256:${'2'.repeat(64)}`);
const AT = '2026-02-01T00:00:00.000Z';

function linesAbout(line: Partial<HeldLine>): string {
  const held: HeldLine = {
    repository: parseRepository('images.test/app'),
    tag: parseTag('1'),
    digest: OURS,
    upstream: THEIRS,
    since: '2026-01-30T10:20:30.000Z',
    reason: 'minAge is 3d.',
    ...line,
  };
  const status = {
    name: 'default',
    at: AT,
    staleAfterMs: 0,
    alarms: [],
    repositoryCount: 0,
    repositories: [],
    held: [held],
    heldCount: 1,
    clusters: [],
    failures: [],
  };
  const style = styleFor(process.stdout, { NO_COLOR: '1' });
  const text = describeStatus(status, {
    style,
    commandLine: new CommandLine('lifeboat', undefined),
    width: 200,
  });
  return text.slice(text.indexOf('held  '));
}

const COMMAND = `lifeboat approve images.test/app:1@${THEIRS}`;

test('since when a tag is held is a date, because no age stands well after "since"', () => {
  expect(linesAbout({})).toContain(', upstream at 222222222222, since 2026-01-30 10:20Z\n');
  expect(linesAbout({})).toContain(`      minAge is 3d. ${COMMAND}`);
});

test.each([
  ['2026-02-02T10:20:30.000Z', 'It moves by itself from 2026-02-02 10:20Z on'],
  ['2026-01-31T00:00:00.000Z', 'The next run goes on with it'],
])('a tag that moves by itself from %s on is not said to need an approval', (until, says) => {
  expect(linesAbout({ until })).toContain(`minAge is 3d. ${says}, or now: ${COMMAND}`);
});
