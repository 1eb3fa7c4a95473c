/** The words of pages for runs, and the numbers of upstreams. */
import { describe, expect, it } from 'vitest';
import { encodeRuns, type RunCounts } from '../../../core/run-history.ts';
import { judgedRun } from '../../../worker/pages/freshness.ts';
import { r2Bucket } from '../support/bucket.ts';
import { putIdentity } from '../support/content.ts';
import { pageAt } from '../support/page.ts';
import { NOW, putState, RUNS } from '../support/state.ts';
import { TestEdge } from '../support/test-edge.ts';

const NONE: RunCounts = { unchanged: 0, created: 0, moved: 0, held: 0, gone: 0, failed: 0, skipped: 0 };

describe('judgedRun', () => {
  it.each([
    [{ unchanged: 4 }, 0, 'fresh', 'The last run did all of its work.'],
    [{ skipped: 400 }, 0, 'incomplete', 'The last run left 400 tags and digests for the next one.'],
    [{ failed: 32 }, 1, 'failed', 'The last run failed for 32 tags and digests and did nothing else.'],
    [{ failed: 1, gone: 1 }, 1, 'partly failed', 'The last run failed for 1 tag or digest.'],
    [
      { failed: 2, held: 1, skipped: 1200 },
      1,
      'partly failed',
      'The last run failed for 2 tags and digests, and left 1,200 for the next run.',
    ],
  ] as const)('%j', (counts, exitCode, word, says) => {
    const run = { ...RUNS[0], findings: 0, interrupted: false, exitCode, counts: { ...NONE, ...counts } };
    expect(judgedRun(run)).toMatchObject({ word, says });
  });
});

it('an upstream has all of its failures, although the lists are cut, and a run what it has skipped', async () => {
  const bucket = r2Bucket();
  await putIdentity(bucket);
  await putState(bucket);
  const [last, ...earlier] = RUNS;
  const upstreams = [{ name: 'docker.io', requests: 58, failures: 1777 }];
  await bucket.put('state/default/runs.json', encodeRuns([{ ...last, upstreams }, ...earlier]));
  const edge = new TestEdge([bucket]);
  edge.now = NOW;
  const { text } = await pageAt(edge, '/status');
  expect(text).toMatch(/ docker\.io 58 91 of 100, 5 The budget is used up\. 1,777 quay\.io /);
  expect(text).toMatch(/ Failed Skipped Read run-2026-02-01T00 .*? 2 4 89\.0 MB /);
});
