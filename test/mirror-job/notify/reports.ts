/** Makes reports of runs out of a few words. */
import { parseDigest } from '../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../core/reference.ts';
import {
  countOutcomes,
  type Finding,
  type ItemReport,
  type Outcome,
  type RunReport,
} from '../../../mirror-job/engine/report.ts';

export const DIGEST = parseDigest(`sha256:${'ab'.repeat(32)}`);
export const OTHER = parseDigest(`sha256:${'cd'.repeat(32)}`);

/** @param tag left out for the repository as a whole */
export function item(repository: string, tag: string | undefined, outcome: Outcome): ItemReport {
  const reference = tag === undefined ? undefined : parseTag(tag);
  return { repository: parseRepository(repository), reference, outcome };
}

export function failed(repository: string, tag?: string, error = 'It is down.'): ItemReport {
  return item(repository, tag, { result: 'failed', error });
}

export function skipped(repository: string, tag?: string): ItemReport {
  return item(repository, tag, { result: 'skipped', reason: 'The budget is used up.' });
}

export function held(repository: string, tag: string): ItemReport {
  const next = `To move it: lifeboat approve ${repository}:${tag}`;
  return item(repository, tag, {
    result: 'held',
    digest: DIGEST,
    upstream: OTHER,
    reason: 'It is new.',
    next,
  });
}

export function moved(repository: string, tag: string): ItemReport {
  return item(repository, tag, { result: 'moved', digest: OTHER, from: DIGEST });
}

export function reportOf(
  items: readonly ItemReport[],
  more: Partial<RunReport> & { readonly findings?: readonly Finding[] } = {},
): RunReport {
  return {
    run: '20261129T100000.000Z-abc123',
    begun: '2026-11-29T09:59:00.000Z',
    ended: '2026-11-29T10:00:00.000Z',
    counts: countOutcomes(items),
    blobs: { copied: 0, present: 0 },
    manifests: { copied: 0 },
    bytes: 0,
    interrupted: false,
    upstreams: [],
    items,
    findings: [],
    ...more,
  };
}
