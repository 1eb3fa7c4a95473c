/** The notes of a drill: how the last run ended, who may pull, and what the lists leave out. */
import { expect, test } from 'vitest';
import type { Drill, DrillResult } from '../../../cluster/drill/drill.ts';
import type { Access, LastRun } from '../../../cluster/drill/observation.ts';
import { parseReference } from '../../../core/reference.ts';
import { alarmsOn, notesOn } from '../../../mirror-job/terminal/drill-notes.ts';

const AT = '2026-06-01T12:00:00.000Z';

function resultOf(reference: string, more: Partial<DrillResult> = {}, useCount = 0): DrillResult {
  return {
    image: {
      reference: parseReference(reference),
      digest: undefined,
      platforms: undefined,
      clusters: ['prod'],
      uses: [],
      useCount,
    },
    verdict: { outcome: 'served', says: [], disagreement: undefined },
    upstream: undefined,
    ...more,
  };
}

function drillOf(more: Partial<Drill> = {}): Drill {
  return {
    at: AT,
    mirror: 'default',
    chosen: [],
    isByDigestOnly: false,
    edge: undefined,
    edgeFailure: undefined,
    access: { audience: 'public', hasToken: undefined },
    lists: [{ cluster: 'prod', observed: AT }],
    damagedLists: [],
    lastRun: { ended: AT },
    textOnly: 0,
    results: [],
    ...more,
  };
}

const DONE: LastRun = { ended: AT, isSuccess: true, failed: 0, findings: 0, isInterrupted: false };
const FAILED: LastRun = { ...DONE, isSuccess: false };

test.for<readonly [run: LastRun, says: string]>([
  [DONE, 'It succeeded.'],
  [{ ended: AT }, 'Whether it succeeded is not known.'],
  [{ ...FAILED, failed: 1 }, 'It did not succeed: 1 image could not be mirrored.'],
  [
    { ...FAILED, failed: 3, findings: 2 },
    'It did not succeed: 3 images could not be mirrored and there are 2 findings.',
  ],
  [{ ...FAILED, isInterrupted: true }, 'It did not succeed: it had to stop before its end.'],
  [FAILED, 'It did not succeed: a store is behind.'],
])('the last run %j', ([lastRun, says]) => {
  expect(notesOn(drillOf({ lastRun }))).toContain(
    `The job last ended a run just now (2026-06-01 12:00Z). ${says}`,
  );
});

test.for<readonly [access: Access, note: string]>([
  [
    { audience: 'public', hasToken: undefined },
    'The bucket is for everybody, so nodes need no token of the edge.',
  ],
  [
    { audience: 'token', hasToken: false },
    "The bucket is for holders of a token. Whether the nodes send one is not known: lists do not say it, and a pod's pull secret is for its upstream and not for the edge. The drill asked without a token.",
  ],
  [
    { audience: 'token', hasToken: true },
    "The bucket is for holders of a token. Whether the nodes send one is not known: lists do not say it, and a pod's pull secret is for its upstream and not for the edge. The drill asked with a token of its own.",
  ],
  [
    { audience: { failed: 'it timed out' }, hasToken: undefined },
    'Whether nodes need a token of the edge is not known: it timed out.',
  ],
])('who may pull: %j', ([access, note]) => {
  expect(notesOn(drillOf({ access }))).toContain(note);
});

test('upstreams that want a login are named with their images, and others are not', () => {
  const results = [
    resultOf('ghcr.io/a/b:1', { login: 'configured' }),
    resultOf('ghcr.io/a/c:1', { login: 'configured' }),
    resultOf('team.azurecr.io/a:1', { login: 'short-lived' }),
    resultOf('docker.io/library/a:1'),
  ];
  expect(notesOn(drillOf({ results })).filter((note) => note.includes('login'))).toEqual([
    'ghcr.io has a login in lifeboat.yaml (2 images) and team.azurecr.io usually wants a login that ends within hours (1 image). A pull from the edge needs no login of an upstream; what logs in there before it pulls, and what asks it for tags, would fail.',
  ]);
  expect(notesOn(drillOf({ results: results.slice(3) })).filter((note) => note.includes('login'))).toEqual(
    [],
  );
});

const listNotes = (shown: readonly DrillResult[]) =>
  notesOn(drillOf({ results: shown })).filter((note) => note.startsWith('Lists name'));

test('uses that the lists do not name make the sums incomplete, which is said', () => {
  const lost = { verdict: { outcome: 'missing', says: [], disagreement: undefined } } as const;
  const results = [resultOf('a:1', {}, 3), resultOf('b:1', lost, 1)];
  expect(listNotes(results)).toEqual([
    'Lists name at most 20 uses of an image: 4 uses of 2 images are counted and not named (1 of these would not be pulled for sure), so the sums by namespace and the workloads are not complete.',
  ]);
  expect(listNotes(results.slice(0, 1))).toEqual([expect.stringContaining('(none of these is lost)')]);
  expect(listNotes([resultOf('a:1')])).toEqual([]);
});

test('an edge that could not be asked is the alarm, with what the bucket says', () => {
  const unknown = { outcome: 'unknown', says: ['no'], disagreement: undefined } as const;
  const results = [
    resultOf('a:1', { verdict: { ...unknown, byBucket: 'served' } }),
    resultOf('b:1', { verdict: { ...unknown, byBucket: 'unknown' } }),
  ];
  const drill = drillOf({ edge: 'https://edge', edgeFailure: 'https://edge: it is dead.', results });
  expect(alarmsOn(drill)).toEqual([
    'The edge could not be asked: https://edge: it is dead.',
    'By the bucket alone, 1 of 2 images would be pulled. The rest of this report is about the bucket.',
  ]);
  expect(notesOn(drill).filter((note) => note.includes('was asked') || note.includes('not asked'))).toEqual(
    [],
  );
  expect(alarmsOn(drillOf({ results }))).toEqual([]);
});
