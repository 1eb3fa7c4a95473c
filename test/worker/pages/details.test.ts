/** The facts about one tag. */
import { expect, it } from 'vitest';
import type { DescribedTag } from '../../../core/repository-description.ts';
import { r2Bucket } from '../support/bucket.ts';
import { putIdentity } from '../support/content.ts';
import { pageAt } from '../support/page.ts';
import { describedTag, NOW, OVERVIEW, putDescription } from '../support/state.ts';
import { TestEdge } from '../support/test-edge.ts';

const APP = 'docker.io/library/app';

async function factsOf(changes: Partial<DescribedTag>): Promise<string> {
  const bucket = r2Bucket();
  await putIdentity(bucket);
  const tag = await describedTag('1.0', OVERVIEW.ended);
  const platforms = ['linux/amd64', 'linux/arm64'].map((platform) => ({
    platform,
    digest: tag.digest,
    bytes: 617,
  }));
  await putDescription(bucket, APP, [{ ...tag, platforms, ...changes }]);
  const edge = new TestEdge([bucket]);
  edge.now = NOW;
  return (await pageAt(edge, `/r/${APP}`)).text;
}

it('a size is that of all platforms, or of those that are mirrored', async () => {
  expect(await factsOf({})).toContain('1.2 kB compressed, all platforms Mirrored');
  expect(await factsOf({ storedPlatforms: ['linux/amd64', 'linux/arm64'] })).toContain(
    '1.2 kB compressed, all mirrored platforms Mirrored',
  );
});

it.each([
  [{}, 'no signature, SBOM or attestation'],
  [{ sboms: 1 }, 'no signature, 1 SBOM'],
  [{ signatures: 2, attestations: 1 }, '2 signatures, 1 attestation'],
] as const)('with %j is attached: %s', async (counts, says) => {
  const text = await factsOf(counts);
  expect(text).toContain(`Attached ${says} `);
  expect(text).not.toContain('Signed');
  expect(text).toMatch(/ First seen 2026-02-01 00:00 UTC \(60 min ago\) Attached /);
});

it('a tag that is gone says since when', async () => {
  const text = await factsOf({ gone: '2026-01-20T00:00:00.000Z' });
  expect(text).toContain('no such tag since 2026-01-20 00:00 UTC (12 d ago) . The mirror keeps it.');
});
