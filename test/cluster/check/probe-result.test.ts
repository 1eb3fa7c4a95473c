/** Compares what the files say of a runtime with what it did in a probe. */
import { expect, test } from 'vitest';
import { contradiction, isLeftOut, type ProbeResult } from '../../../cluster/check/probe-result.ts';
import type { Verdict } from '../../../cluster/check/verdict.ts';

const ASKED: Verdict = {
  runtime: 'containerd 2',
  upstream: 'docker.io',
  asked: 'first',
  names: 'all',
  reasons: [],
};
const NOT_ASKED: Verdict = { ...ASKED, runtime: 'containerd 1', asked: 'no', names: 'none' };

test.for<readonly [ProbeResult['through'], readonly Verdict[], string | undefined]>([
  ['yes', [ASKED], undefined],
  ['yes', [NOT_ASKED], 'is not asked, and it was: was containerd restarted since they changed?'],
  ['yes', [NOT_ASKED, ASKED], undefined],
  ['no', [NOT_ASKED], undefined],
  ['no', [NOT_ASKED, ASKED], undefined],
  ['no', [{ ...ASKED, asked: 'last' }], 'is asked: was containerd restarted since they changed?'],
  ['unknown', [ASKED], undefined],
  ['as configured', [ASKED], undefined],
  ['no', [], undefined],
])('%s beside the files', ([through, verdicts, sentence]) => {
  expect(contradiction(verdicts, through)).toEqual(
    sentence === undefined ? undefined : `The files say that the edge ${sentence}`,
  );
});

test.for<readonly [ProbeResult['by'], readonly Verdict['names'][], boolean]>([
  ['tag', ['digests'], true],
  ['digest', ['digests'], false],
  ['digest', ['tags'], true],
  ['tag', ['digests', 'all'], false],
  ['tag', ['none'], false],
  ['tag', [], false],
])('a probe by %s, with files for %s', ([by, names, expected]) => {
  expect(
    isLeftOut(
      names.map((one) => ({ ...ASKED, names: one })),
      by,
    ),
  ).toBe(expected);
});
