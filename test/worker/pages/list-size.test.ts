/** The pages of lists are small also if all that they show is long, and say what they leave out. */
import { expect, it } from 'vitest';
import { encodePrintableJson } from '../../../core/json.ts';
import { descriptionKey, stateKey } from '../../../core/layout.ts';
import { encodeOverview } from '../../../core/overview.ts';
import { parseRepository, type Repository } from '../../../core/reference.ts';
import { encodeDescription } from '../../../core/repository-description.ts';
import { r2Bucket } from '../support/bucket.ts';
import { bytesOf, putIdentity } from '../support/content.ts';
import { compressedBytes, pageAt, type ShownPage } from '../support/page.ts';
import { describedTag, NOW, OVERVIEW, putState, REPORT } from '../support/state.ts';
import { TestEdge } from '../support/test-edge.ts';
import { tokenLine } from '../support/tokens.ts';

interface Lengths {
  readonly name: number;
  readonly tag: number;
}

const LONG: Lengths = { name: 128, tag: 6 };
const LONGEST: Lengths = { name: 255, tag: 128 };

function namesOf({ name }: Lengths): readonly [Repository, ...Repository[]] {
  const named = (index: number) =>
    parseRepository(`ghcr.io/team-${10 + index}/`.padEnd(name, 'organisation'));
  return [named(0), ...times(59, (index) => named(index + 1))];
}

const pathOf = (lengths: Lengths) => `/r/${namesOf(lengths)[0]}`;

function times<Item>(count: number, make: (index: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** The page as somebody sees it who may read all. */
async function pageOf(path: string, lengths = LONG): Promise<ShownPage> {
  const names = namesOf(lengths);
  const [app] = names;
  const bucket = r2Bucket();
  await putIdentity(bucket, 'token');
  await putState(bucket);
  const described = await describedTag('1.0', OVERVIEW.ended);
  const newest = { tag: described.tag, moved: OVERVIEW.ended };
  const line = { tags: 31, pins: 0, held: 1, gone: 1, newest, checked: OVERVIEW.ended };
  const repositories = names.map((name) => ({ name, ...line }));
  const clusters = times(500, (index) => ({ name: `cluster-${index}`, observed: OVERVIEW.ended, images: 1 }));
  await bucket.put(
    stateKey('default', 'overview.json'),
    encodeOverview({ ...OVERVIEW, repositories, clusters }),
  );
  const text = 'a sentence of an upstream '.repeat(22);
  const report = {
    ...REPORT,
    counts: { ...REPORT.counts, failed: 60 },
    upstreams: times(150, (index) => ({ ...REPORT.upstreams[1], name: `registry-${index}.test` })),
    items: names.map((repository) => ({ repository, outcome: { result: 'failed', error: text } })),
    findings: names.map((repository) => ({ kind: 'list-too-short', repository, message: text })),
  };
  await bucket.put(stateKey('default', 'last-run.json'), encodePrintableJson(report));
  const { digest } = described;
  const platforms = times(32, (index) => ({ platform: `linux/arch${index}`, digest, bytes: 30_000_000 }));
  const movement = { at: OVERVIEW.ended, from: digest, to: digest, run: 'run', why: text };
  const tags = await Promise.all(
    times(60, async (index) => ({
      ...(await describedTag(`1.${10 + index}.0`.padEnd(lengths.tag, 'x'), OVERVIEW.ended)),
      platforms,
      movements: times(5, () => movement),
    })),
  );
  const pins = times(200, () => ({ ...described, tag: undefined }));
  const description = { repository: app, written: OVERVIEW.ended, tags, tagCount: 60, pins };
  await bucket.put(descriptionKey('default', app), encodeDescription(description));
  const variables = { AUDIENCE: 'token', TOKENS: await tokenLine('all', 'secret', '**') };
  const edge = new TestEdge([bucket], { variables });
  edge.now = NOW;
  return pageAt(edge, path, { authorization: 'Bearer secret' });
}

it.each([
  ['/', LONG, 40],
  [pathOf(LONG), LONG, 40],
  ['/status', LONG, 40],
  ['/', LONGEST, 64],
  [pathOf(LONGEST), LONGEST, 64],
  ['/status', LONGEST, 40],
])('%s with lengths of %j has less than %i KiB, and 15 KiB compressed', async (path, lengths, most) => {
  const { status, html } = await pageOf(path, lengths);
  expect(status).toBe(200);
  expect(bytesOf(html).length).toBeLessThan(most * 1024);
  expect(await compressedBytes(html)).toBeLessThan(15 * 1024);
});

it('a repository keeps its 50 tags, and says how many platforms and pins there are besides', async () => {
  const { html, text } = await pageOf(pathOf(LONG));
  expect(text).toContain('1–50 of 60');
  expect(text).toContain('… and 25 more platforms. The raw bytes have all.');
  expect(html).toMatch(/25 more platforms\. <a href="\/v2\/ghcr\.io\/[^"]+\/manifests\/sha256:[^"]+">/);
  expect(text).toContain('… and 193 more digests.');
});

it('a status says how many lines, upstreams and lists there are besides', async () => {
  const { html, text } = await pageOf('/status');
  const [, more = ''] = /(\d+) more lines in the run’s own report/.exec(text) ?? [];
  const shown = html.match(/>failed<\/span>/g)?.length ?? 0;
  expect(shown).toBeGreaterThan(5);
  expect(more).toBe(String(2 * (60 - shown)));
  expect(text).toMatch(/… and \d+ more upstreams\./);
  expect(text).toMatch(/… and \d+ more lists\./);
});
