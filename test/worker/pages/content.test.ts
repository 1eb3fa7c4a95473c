/** The content and the size of pages. */
import { expect, it } from 'vitest';
import { digestOf } from '../../../core/digest.ts';
import { blobKey, manifestKey, referrersKey } from '../../../core/layout.ts';
import { OCI_MANIFEST } from '../../../core/media-type.ts';
import { encodeOverview } from '../../../core/overview.ts';
import { printableLines } from '../../../core/printable.ts';
import { parseRepository } from '../../../core/reference.ts';
import { encodeReferrers } from '../../../core/referrers.ts';
import { r2Bucket, type TestBucket } from '../support/bucket.ts';
import { bytesOf, putBlob, putIdentity } from '../support/content.ts';
import { compressedBytes, pageAt } from '../support/page.ts';
import { describedTag, NOW, OVERVIEW, putDescription, putState } from '../support/state.ts';
import { TestEdge } from '../support/test-edge.ts';

const APP = parseRepository('docker.io/library/app');
/** Markup, a right-to-left override, an escape character and a zero-width space. */
const ATTACK = '</td><script>alert(1)</script>"\' onload=x \u202Egnp.exe \u001B[31m a\u200Bb';
const SHOWN = '</td><script>alert(1)</script>"&#39; onload=x \\u202egnp.exe \\u001b[31m a\\u200bb';

async function emptyBucket(): Promise<TestBucket> {
  const bucket = r2Bucket();
  await putIdentity(bucket);
  return bucket;
}

function edgeOver(bucket: TestBucket, variables: Record<string, string> = {}): TestEdge {
  const edge = new TestEdge([bucket], { variables });
  edge.now = NOW;
  return edge;
}

async function putImage(bucket: TestBucket, config: string, hasLink: boolean): Promise<string> {
  const bytes = bytesOf(config);
  const digest = await digestOf(bytes);
  await bucket.put(blobKey(digest), bytes);
  if (hasLink) await putBlob(bucket, APP, bytes);
  const mediaType = 'application/vnd.oci.image.config.v1+json';
  const layer = { mediaType: ATTACK, digest: await digestOf(bytesOf('layer')), size: 1500 };
  const manifest = bytesOf(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType, digest, size: bytes.length },
      layers: [layer],
      annotations: { [ATTACK]: ATTACK },
    }),
  );
  const name = await digestOf(manifest);
  await bucket.put(manifestKey(APP, name), manifest, OCI_MANIFEST);
  const referrer = { mediaType: OCI_MANIFEST, digest: layer.digest, size: 7, artifactType: ATTACK };
  await bucket.put(referrersKey(APP, name), encodeReferrers([referrer]));
  return name;
}

const CONFIG = JSON.stringify({
  os: 'linux',
  architecture: 'amd64',
  created: 'never',
  config: {
    Env: [`A=${ATTACK}`, 'B'],
    Entrypoint: ['/bin/app', 'two words'],
    Labels: { [ATTACK]: ATTACK },
    Cmd: 7,
  },
  history: [{ created_by: ATTACK }, 7, null],
});

it('texts of others are shown as text, in a manifest', async () => {
  const bucket = await emptyBucket();
  const digest = await putImage(bucket, CONFIG, true);
  const { status, html, text } = await pageAt(edgeOver(bucket), `/r/${APP}@${digest}`);
  expect(status).toBe(200);
  expect(text).toContain('Entrypoint /bin/app "two words"');
  // A layer's type, an annotation's name and value, the variable, a label's name and value, a step, and a referrer.
  expect(text.split(SHOWN)).toHaveLength(9);
  expect(html).not.toContain('<script');
  expect(printableLines(html)).toBe(html);
});

it('texts of others are shown as text, in lists, in a status and in a search', async () => {
  const bucket = await emptyBucket();
  await putState(bucket);
  const held = {
    repository: APP,
    tag: (await describedTag('1.0', OVERVIEW.ended)).tag,
    since: OVERVIEW.ended,
  };
  const overview = { ...OVERVIEW, held: [{ ...held, digest: await digestOf(bytesOf('a')), reason: ATTACK }] };
  await bucket.put('state/default/overview.json', encodeOverview(overview));
  await putDescription(bucket, APP, [{ ...(await describedTag('1.0', OVERVIEW.ended)), hold: ATTACK }]);
  const edge = edgeOver(bucket);
  const search = encodeURIComponent(ATTACK);
  for (const path of ['/', '/status', `/r/${APP}`, `/?q=${search}`, `/r/${APP}?q=${search}`]) {
    const { status, html, text } = await pageAt(edge, path);
    expect([path, status]).toEqual([path, 200]);
    expect(text).toContain('</');
    expect(html).not.toMatch(/<script|<b>/);
    expect(printableLines(html)).toBe(html);
  }
});

it('a config is shown only if the repository has the blob', async () => {
  const bucket = await emptyBucket();
  const digest = await putImage(bucket, CONFIG, false);
  const { status, text } = await pageAt(edgeOver(bucket), `/r/${APP}@${digest}`);
  expect(status).toBe(200);
  expect(text).not.toContain('Entrypoint');
});

it('the configurations of CATALOG are shown together', async () => {
  const bucket = await emptyBucket();
  await putState(bucket, 'one');
  const line = { name: APP, tags: 1, pins: 0, held: 0, gone: 0 };
  const repositories = [line, { ...line, name: parseRepository('registry.k8s.io/pause') }];
  await bucket.put('state/two/overview.json', encodeOverview({ ...OVERVIEW, repositories }));
  const { html, text } = await pageAt(edgeOver(bucket, { CATALOG: 'one,two' }), '/');
  expect(text).toMatch(/Last run of one .* Last run of two no record/);
  expect(text).toMatch(/Repositories 4 /);
  expect(html.match(/href="\/r\/docker\.io\/library\/app"/g)).toHaveLength(1);
});

it('a mirror whose runs stopped is overdue', async () => {
  const bucket = await emptyBucket();
  await putState(bucket);
  const edge = edgeOver(bucket);
  expect((await pageAt(edge, '/')).text).toMatch(/1 h ago|60 min ago/);
  edge.now += 40 * 60 * 60 * 1000;
  const { text } = await pageAt(edge, '/status');
  expect(text).toContain('Runs overdue The next run is overdue');
});

it('a page of 50 rows has less than 15 KiB as it is sent, compressed', async () => {
  const bucket = await emptyBucket();
  await putState(bucket);
  const names = Array.from(
    { length: 2000 },
    (_, index) => `ghcr.io/organisation-${index % 37}/component-${index}`,
  );
  const newest = { tag: (await describedTag('1.0', OVERVIEW.ended)).tag, moved: OVERVIEW.ended };
  const repositories = names.toSorted().map((name) => ({
    name: parseRepository(name),
    tags: 31,
    pins: 0,
    held: 1,
    gone: 0,
    newest,
    checked: OVERVIEW.ended,
  }));
  await bucket.put('state/default/overview.json', encodeOverview({ ...OVERVIEW, repositories }));
  const tags = await Promise.all(
    Array.from({ length: 1000 }, async (_, index) => {
      const tag = await describedTag(`1.${1000 - index}.0`, OVERVIEW.ended);
      const platforms = Array.from({ length: 8 }, (_item, number) => ({
        platform: `linux/arch${number}`,
        digest: tag.digest,
        bytes: 30_000_000,
      }));
      return { ...tag, platforms };
    }),
  );
  await putDescription(bucket, APP, tags);
  const edge = edgeOver(bucket);
  const measured = [];
  for (const path of ['/', '/?page=40', `/r/${APP}`, '/status']) {
    const { html } = await pageAt(edge, path);
    const [, list = ''] = /<tbody>(.*?)<\/tbody>/s.exec(html) ?? [];
    const isSmall = (await compressedBytes(html)) < 15 * 1024 && html.length < 40 * 1024;
    measured.push([path, list.match(/<tr/g)?.length, isSmall]);
  }
  expect(measured).toEqual([
    ['/', 50, true],
    ['/?page=40', 50, true],
    [`/r/${APP}`, 50, true],
    ['/status', 4, true],
  ]);
  expect((await pageAt(edge, '/')).text).toContain('1–50 of 2,000');
  expect((await pageAt(edge, '/?q=COMPONENT-1999')).text).toMatch(/organisation-1\/component-1999/);
});
