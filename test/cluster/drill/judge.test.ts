/** One image with what the bucket and the edge have of it, and what the drill makes of it. */
import { expect, test } from 'vitest';
import {
  isLost,
  judgeImage,
  LOSS_REASONS,
  type LossReason,
  type Outcome,
} from '../../../cluster/drill/judge.ts';
import type {
  Absence,
  BucketFacts,
  DrilledImage,
  EdgeFacts,
  ManifestFacts,
  TagFacts,
  UpstreamFacts,
} from '../../../cluster/drill/observation.ts';
import { parseDigest } from '../../../core/digest.ts';
import { parseReference } from '../../../core/reference.ts';

const RUNS = parseDigest(`sha256:${'a'.repeat(64)}`);
const OTHER = parseDigest(`sha256:${'b'.repeat(64)}`);
const BY_TAG = { isByDigestOnly: false };

function imageOf(reference: string, more: Partial<DrilledImage> = {}): DrilledImage {
  return {
    reference: parseReference(reference),
    digest: RUNS,
    platforms: ['linux/amd64'],
    uses: [],
    useCount: 0,
    clusters: ['prod'],
    ...more,
  };
}

const TAGGED = imageOf('docker.io/library/app:1');
const PINNED = imageOf(`docker.io/library/app@${RUNS}`);

const WHOLE: ManifestFacts = { digest: RUNS, missing: [], unlisted: [], arePlatformsKnown: true };
const TAG: TagFacts = { ...WHOLE, hasManifest: true, moved: '2026-01-01T00:00:00.000Z', mirrored: undefined };
const UPSTREAM: UpstreamFacts = { newer: undefined, hold: undefined, gone: undefined, running: undefined };

function byTag(
  tag: (BucketFacts & { by: 'tag' })['tag'],
  more: Partial<BucketFacts & { by: 'tag' }> = {},
): BucketFacts {
  return { by: 'tag', tag, running: undefined, upstream: UPSTREAM, ...more };
}

const byDigest = (manifest: (BucketFacts & { by: 'digest' })['manifest']): BucketFacts => ({
  by: 'digest',
  manifest,
});

test.for<readonly [name: string, image: DrilledImage, facts: BucketFacts, outcome: Outcome, says: string[]]>([
  ['a tag that gives what runs', TAGGED, byTag(TAG), 'served', []],
  [
    'a tag of which it is not known what runs',
    imageOf('a:1', { digest: undefined }),
    byTag(TAG),
    'served',
    [],
  ],
  [
    'a tag that gives another digest',
    TAGGED,
    byTag({ ...TAG, digest: OTHER }, { running: 'stored', upstream: { ...UPSTREAM, running: 'older' } }),
    'other-digest',
    [
      `the tag gives ${OTHER}, which is newer than what runs, and ${RUNS} runs`,
      `what runs, ${RUNS}, is in the bucket and can be pulled by its digest`,
    ],
  ],
  [
    'a tag that gives an earlier digest than runs, which is not stored',
    TAGGED,
    byTag({ ...TAG, digest: OTHER }, { running: 'absent', upstream: { ...UPSTREAM, running: 'newer' } }),
    'other-digest',
    [
      `the tag gives ${OTHER}, which is older than what runs, and ${RUNS} runs`,
      `what runs, ${RUNS}, is not in the bucket`,
    ],
  ],
  [
    'a tag that gives another digest, of which the order is not known',
    TAGGED,
    byTag({ ...TAG, digest: OTHER }, { running: { failed: 'the store sleeps' }, upstream: 'absent' }),
    'other-digest',
    [
      `the tag gives ${OTHER}, and ${RUNS} runs`,
      `whether the bucket has what runs, ${RUNS}, is not known: the store sleeps`,
    ],
  ],
  ['a tag that is absent', TAGGED, byTag('absent'), 'missing', ['the bucket has no tag 1']],
  [
    'a tag that is absent, and what runs is there',
    TAGGED,
    byTag('absent', { running: 'stored' }),
    'missing',
    ['the bucket has no tag 1', `what runs, ${RUNS}, is in the bucket and can be pulled by its digest`],
  ],
  ['a damaged tag', TAGGED, byTag({ damaged: 'it is no JSON' }), 'missing', ['it is no JSON']],
  ['a tag that could not be read', TAGGED, byTag({ failed: 'it timed out' }), 'unknown', ['it timed out']],
  [
    'a tag without its manifest',
    TAGGED,
    byTag({ ...TAG, hasManifest: false }),
    'missing',
    [`the bucket has the tag, and not the manifest ${RUNS} that it names`],
  ],
  [
    'a tag that lacks a platform by choice',
    TAGGED,
    byTag({ ...TAG, missing: ['linux/arm64'], mirrored: ['linux/amd64'] }),
    'platform-missing',
    [
      `the bucket lacks the manifest of ${RUNS} for linux/arm64`,
      '"platforms" in lifeboat.yaml chooses linux/amd64',
    ],
  ],
  [
    'an index that names no manifest for a node',
    TAGGED,
    byTag({ ...TAG, unlisted: ['linux/riscv64'] }),
    'platform-missing',
    [`the index ${RUNS} names no manifest for linux/riscv64`],
  ],
  [
    'a tag that lacks a platform, and nobody knows the nodes',
    TAGGED,
    byTag({ ...TAG, missing: ['linux/s390x'], arePlatformsKnown: false }),
    'served',
    ['the platforms of the nodes are not known, and the bucket lacks the manifests for linux/s390x'],
  ],
  ['a digest that is there', PINNED, byDigest(WHOLE), 'served', []],
  ['a digest that is absent', PINNED, byDigest('absent'), 'missing', [`the bucket has no manifest ${RUNS}`]],
  [
    'a digest that lacks a platform',
    PINNED,
    byDigest({ ...WHOLE, missing: ['linux/arm64'] }),
    'platform-missing',
    [`the bucket lacks the manifest of ${RUNS} for linux/arm64`],
  ],
  ['a damaged digest', PINNED, byDigest({ damaged: 'other bytes' }), 'missing', ['other bytes']],
  ['a digest that could not be read', PINNED, byDigest({ failed: 'gone away' }), 'unknown', ['gone away']],
])('%s', ([, image, facts, outcome, says]) => {
  const { reason, ...verdict } = judgeImage(image, facts, undefined, BY_TAG);
  expect(verdict).toEqual({ outcome, says, disagreement: undefined });
  expect(reason === undefined).toBe(!isLost(outcome));
});

test('where digests alone are asked for, a tag is lost and a digest is not', () => {
  const only = { isByDigestOnly: true };
  expect(judgeImage(TAGGED, byTag(TAG), undefined, only)).toEqual({
    outcome: 'missing',
    reason: 'digests-only',
    says: ['a tag cannot be pulled where digests alone are asked for'],
    disagreement: undefined,
  });
  expect(judgeImage(PINNED, byDigest(WHOLE), undefined, only).outcome).toBe('served');
});

const PULLED: EdgeFacts = { answer: 'pulled', digest: RUNS };
const REFUSED: EdgeFacts = { answer: 'refused', says: 'answered HEAD with 404' };
const FAILED: EdgeFacts = { answer: 'failed', says: 'answered HEAD with 503' };

test.for<
  readonly [
    name: string,
    facts: BucketFacts,
    edge: EdgeFacts,
    outcome: Outcome,
    disagreement: string | undefined,
  ]
>([
  ['both have it', byTag(TAG), PULLED, 'served', undefined],
  [
    'the edge lacks it',
    byTag(TAG),
    REFUSED,
    'missing',
    'the bucket has it, and the edge answered HEAD with 404',
  ],
  ['both lack it', byTag('absent'), REFUSED, 'missing', undefined],
  ['the edge does not answer', byTag(TAG), FAILED, 'unknown', undefined],
  ['the edge does not answer, and the bucket lacks it', byTag('absent'), FAILED, 'missing', undefined],
  ['only the edge has it', byTag('absent'), PULLED, 'missing', 'the edge gives it, and the bucket would not'],
  [
    'the edge gives another digest than the bucket',
    byTag(TAG),
    { answer: 'pulled', digest: OTHER },
    'other-digest',
    `the bucket's tag gives ${RUNS}, and the edge gives ${OTHER}`,
  ],
  [
    'the edge gives what runs, and the bucket another digest',
    byTag({ ...TAG, digest: OTHER }),
    PULLED,
    'served',
    `the bucket's tag gives ${OTHER}, and the edge gives ${RUNS}`,
  ],
  ['the bucket could not be read', byTag({ failed: 'it timed out' }), PULLED, 'unknown', undefined],
  [
    'the bucket could not be read, and the edge lacks it',
    byTag({ failed: 'it timed out' }),
    REFUSED,
    'missing',
    undefined,
  ],
  [
    'a platform is missing, and the edge refuses',
    byTag({ ...TAG, missing: ['linux/arm64'] }),
    REFUSED,
    'platform-missing',
    undefined,
  ],
])('with the edge: %s', ([, facts, edge, outcome, disagreement]) => {
  expect(judgeImage(TAGGED, facts, edge, BY_TAG)).toMatchObject({ outcome, disagreement });
});

test('where digests alone are asked for, an edge that gives a tag does not disagree with the bucket', () => {
  const only = { isByDigestOnly: true };
  expect(judgeImage(TAGGED, byTag(TAG), PULLED, only)).toEqual({
    outcome: 'missing',
    reason: 'digests-only',
    byBucket: 'missing',
    says: ['a tag cannot be pulled where digests alone are asked for'],
    disagreement: undefined,
  });
  expect(judgeImage(TAGGED, byTag(TAG), REFUSED, only)).toMatchObject({
    outcome: 'missing',
    disagreement: undefined,
  });
  expect(judgeImage(PINNED, byDigest('absent'), PULLED, only).disagreement).toBe(
    'the edge gives it, and the bucket would not',
  );
});

const DENIED: EdgeFacts = { answer: 'refused', says: 'answered HEAD with 403', isDenied: true };
const PRIVATE: Absence = { reason: 'private', says: 'upstream hides it' };
const RAW = byTag({ ...TAG, missing: ['linux/arm64'] });

test.for<
  readonly [
    name: string,
    facts: BucketFacts,
    edge: EdgeFacts | undefined,
    reason: LossReason | undefined,
    byBucket: Outcome | undefined,
  ]
>([
  ['is served', byTag(TAG), undefined, undefined, undefined],
  ['is absent', byTag('absent'), undefined, 'private', undefined],
  ['has an absent digest', byDigest('absent'), undefined, 'private', undefined],
  ['is absent, and the edge refuses it', byTag('absent'), REFUSED, 'private', 'missing'],
  ['is absent, and the edge lets nobody read it', byTag('absent'), DENIED, 'private', 'missing'],
  ['is absent, and the edge does not answer', byTag('absent'), FAILED, 'private', 'missing'],
  ['is damaged', byTag({ damaged: 'no JSON' }), undefined, 'damaged', undefined],
  ['is damaged under its digest', byDigest({ damaged: 'no JSON' }), undefined, 'damaged', undefined],
  ['has a tag without a manifest', byTag({ ...TAG, hasManifest: false }), undefined, 'damaged', undefined],
  ['lacks a platform', RAW, undefined, 'platform', undefined],
  ['lacks a platform, and the edge refuses it', RAW, REFUSED, 'platform', 'platform-missing'],
  ['is in the bucket, and the edge lacks it', byTag(TAG), REFUSED, 'edge', 'served'],
  ['is in the bucket, and the edge denies it', byTag(TAG), DENIED, 'denied', 'served'],
  ['could not be read, and the edge lacks it', byTag({ failed: 'no' }), REFUSED, 'edge', 'unknown'],
  ['is in the bucket, and the edge does not answer', byTag(TAG), FAILED, undefined, 'served'],
])('the reason, if an image %s', ([, facts, edge, reason, byBucket]) => {
  const image = facts.by === 'tag' ? TAGGED : PINNED;
  const verdict = judgeImage(image, facts, edge, { ...BY_TAG, absence: PRIVATE });
  expect([verdict.reason, verdict.byBucket]).toEqual([reason, byBucket]);
  expect(verdict.says.includes(PRIVATE.says)).toBe(reason === 'private');
});

test('an absent image of which nothing else is known says so, and every reason has words of its own', () => {
  expect(judgeImage(TAGGED, byTag('absent'), undefined, BY_TAG)).toMatchObject({ reason: 'not-known' });
  expect(new Set(Object.values(LOSS_REASONS)).size).toBe(Object.keys(LOSS_REASONS).length);
});
