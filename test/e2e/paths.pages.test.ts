/** The ways that people go through the pages of a mirror that a real run has filled, and through very large ones. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOfTag, repositoryOf } from '../support/content.ts';
import { buildCorpus } from '../support/corpus.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { startLocalStore, type Store } from '../support/local-store.ts';
import { writeLayout } from '../support/oci-layout.ts';
import { openPage, startBrowser } from '../support/pages/browser.ts';
import { BucketObjects } from '../support/pages/bucket-objects.ts';
import { MANY_TAGS, ONE_TAG, putLargeMirror } from '../support/pages/large-mirror.ts';
import { sync } from '../support/sync.ts';

const SIGNED = 'images.internal/library/signed';
const TOKEN = 'a-token';
const TOKEN_HASH = createHash('sha256').update(TOKEN).digest('hex');

let browser: Browser;
let store: Store;
let mirrored: Edge;
let large: Edge;
let layouts: string;
let signed: string;

beforeAll(async () => {
  [browser, store, layouts] = await Promise.all([
    startBrowser(),
    startLocalStore({ buckets: 2 }),
    mkdtemp(join(tmpdir(), 'lifeboat-pages-')),
  ]);
  const [first = '', second = ''] = store.buckets;
  const corpus = await buildCorpus();
  const names = ['library/signed', 'library/app'];
  for (const name of names) await writeLayout(repositoryOf(corpus, name), join(layouts, name));
  signed = digestOfTag(repositoryOf(corpus, 'library/signed'), 'latest');
  await sync(
    { ...store, bucket: first },
    {
      images: names.map((name) => ({
        source: `oci:${join(layouts, name)}`,
        name: `images.internal/${name}`,
        tags: ['*'],
      })),
    },
  );
  const objects = new BucketObjects({ ...store, bucket: second });
  await objects.putIdentity('public');
  await putLargeMirror(objects);
  [mirrored, large] = await Promise.all([
    startEdge({ ...store, bucket: first }),
    startEdge({ ...store, bucket: second }),
  ]);
});

afterAll(async () => {
  await browser?.close();
  await Promise.all([mirrored?.stop(), large?.stop()]);
  await store?.stop();
  if (layouts !== undefined) await rm(layouts, { recursive: true, force: true });
});

async function onPage(url: string, act: (page: Page) => Promise<void>): Promise<void> {
  const page = await openPage(browser);
  try {
    await page.goto(url);
    await act(page);
  } finally {
    await page.context().close();
  }
}

const rowsOf = (page: Page) => page.locator('table').first().locator('tbody tr').count();
const headingOf = (page: Page) => page.textContent('h1');

describe('a mirror that a run has filled', () => {
  test('from the list to a tag, to its manifest, to its signature, to the bytes of a layer', () =>
    onPage(mirrored.url, async (page) => {
      expect(await page.textContent('.summary')).toMatch(/just now fresh.*Repositories2.*Tags5/);
      await page.fill('input[name=q]', 'SIGNED');
      await page.click('text=Search');
      expect(await rowsOf(page)).toBe(1);
      await page.click(`a:text-is("${SIGNED}")`);
      expect(await headingOf(page)).toBe(SIGNED);
      expect(await page.textContent('#tag')).toMatch(/1 SBOM/);
      await page.click(`#tag a:text-is("${signed}")`);
      expect(await headingOf(page)).toContain(signed.slice(7, 19));
      expect(await page.textContent('body')).toContain('Signatures and attestations');
      const bytes = await page.getAttribute('a:has-text("its own bytes")', 'href');
      const manifest = await fetch(`${mirrored.url}${bytes}`);
      expect([manifest.status, manifest.headers.get('docker-content-digest')]).toEqual([200, signed]);
      const layer = await page.locator('table tbody tr').nth(1).locator('a').first().getAttribute('href');
      const blob = await fetch(`${mirrored.url}${layer}`);
      expect(blob.status).toBe(200);
      await page.locator('.tree ul a').first().click();
      expect(await page.textContent('body')).toContain('Refers to');
      await page.click(`a:text-is("${signed}")`);
      expect(await headingOf(page)).toContain(signed.slice(7, 19));
    }));

  test('from a platform of an index to its image, and back to the repository', () =>
    onPage(`${mirrored.url}/r/images.internal/library/app?tag=1.0.0`, async (page) => {
      expect(await page.locator('#tag table tbody tr').count()).toBe(2);
      await page.locator('#tag table a').first().click();
      expect(await headingOf(page)).toMatch(/^Image [0-9a-f]{12}$/);
      await page.click('.crumbs a >> nth=1');
      expect(await headingOf(page)).toBe('images.internal/library/app');
      expect(await rowsOf(page)).toBe(4);
    }));

  test('the status has the run', () =>
    onPage(`${mirrored.url}/status`, async (page) => {
      expect(await page.textContent('body')).toContain('The last run did all of its work.');
      expect(await rowsOf(page)).toBe(1);
    }));

  test('a tab for each runtime, whose text one click selects', () =>
    onPage(mirrored.url, async (page) => {
      await page.click('a:text-is("podman")');
      const command = page.locator('#use pre').first();
      await command.click();
      const selected = await page.evaluate('String(getSelection())');
      expect(selected).toBe(`npx lifeboat clients podman --edge ${mirrored.url} --upstream images.internal`);
      expect(selected).toBe(await command.textContent());
      await page.click('a:text-is("k3s")');
      expect(await page.textContent('#use pre')).toBe(
        `npx lifeboat clients k3s --edge ${mirrored.url} --upstream images.internal`,
      );
    }));

  test('by keyboard alone: past the navigation, to a search, to a repository', () =>
    onPage(mirrored.url, async (page) => {
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to content');
      await page.keyboard.press('Enter');
      for (let press = 0; press < 3; press += 1) {
        await page.keyboard.press('Tab');
        if ((await page.evaluate('document.activeElement.name')) === 'q') break;
      }
      await page.keyboard.type('app');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/?q=app');
      expect(await rowsOf(page)).toBe(1);
      await page.focus('tbody a');
      const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
      expect(outline).toBe('solid');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/r/images.internal/library/app');
    }));
});

describe('a large mirror', () => {
  test('2,000 repositories are shown 50 at a time', () =>
    onPage(large.url, async (page) => {
      expect(await rowsOf(page)).toBe(50);
      expect(await page.textContent('.pager')).toContain('1–50 of 2,000');
      await page.click('text=Next');
      expect(await page.textContent('.pager')).toContain('51–100 of 2,000');
      await page.goto(`${large.url}/?page=999`);
      expect(await page.textContent('.pager')).toContain('1,951–2,000 of 2,000');
      expect(await page.locator('.pager a[rel=next]').count()).toBe(0);
    }));

  test('3,000 tags are searched and paged, also those that no run has described', () =>
    onPage(`${large.url}/r/${MANY_TAGS}`, async (page) => {
      expect(await page.textContent('.title')).toContain('3,000 tags');
      expect(await rowsOf(page)).toBe(50);
      await page.fill('input[name=q]', '1.2999');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/*q=1.2999');
      expect(await rowsOf(page)).toBe(1);
      await page.goto(`${large.url}/r/${MANY_TAGS}?page=60`);
      expect(await page.textContent('table')).toContain('not described yet');
      await page.goto(`${large.url}/r/${MANY_TAGS}?page=2`);
      await page.click('a:text-is("1.2950.0")');
      expect(await page.textContent('#tag h2')).toBe('1.2950.0');
      expect(await page.textContent('.pager')).toContain('51–100 of 3,000');
    }));

  test('one tag needs no pages', () =>
    onPage(`${large.url}/r/${ONE_TAG}`, async (page) => {
      expect([await rowsOf(page), await page.locator('.pager').count()]).toEqual([1, 0]);
      expect(await page.textContent('.facts')).toContain('1 tag');
    }));
});

test('a login in the browser opens a mirror that needs a token', async () => {
  const objects = new BucketObjects({ ...store, bucket: store.buckets[1] ?? '' });
  await objects.putIdentity('token');
  const edge = await startEdge(
    { ...store, bucket: store.buckets[1] ?? '' },
    { AUDIENCE: 'token', AUTH_CHALLENGE: 'basic', TOKENS: `people ${TOKEN_HASH} registry.k8s.io/**` },
  );
  try {
    const page = await openPage(browser, { login: { username: 'anybody', password: TOKEN } });
    const response = await page.goto(edge.url);
    expect(response?.status()).toBe(200);
    expect(await rowsOf(page)).toBe(2);
    await page.context().close();
    const stranger = await openPage(browser, { login: { username: 'anybody', password: 'wrong' } });
    expect((await stranger.goto(edge.url))?.status()).toBe(401);
    expect(await headingOf(stranger)).toBe('This mirror needs a token');
    await stranger.context().close();
  } finally {
    await edge.stop();
  }
});
