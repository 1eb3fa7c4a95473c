/**
 * Every page in light, dark and on a phone: no rule of accessibility is broken, nothing is wider than a phone, and all of it
 * is there without a script. Each is kept as a picture, for people to look at.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  DESKTOP,
  PHONE,
  findingsOf,
  openPage,
  overflowOf,
  SCHEMES,
  startBrowser,
} from '../support/pages/browser.ts';
import { startScreens, type Screens } from '../support/pages/screens.ts';

const PICTURES = join(import.meta.dirname, '../../dist/screenshots');

let browser: Browser;
let all: Screens;

beforeAll(async () => {
  [browser, all] = await Promise.all([startBrowser(), startScreens(), mkdir(PICTURES, { recursive: true })]);
});

afterAll(async () => {
  await browser?.close();
  await all?.stop();
});

test('each page is what it claims to be, without a script too', async () => {
  const page = await openPage(browser, { hasScript: false });
  for (const { name, url, status, says } of all.screens) {
    const response = await page.goto(url);
    expect([name, response?.status()]).toEqual([name, status]);
    const headings = await page.locator('h1').count();
    const isThere = (await page.textContent('body'))?.includes(says);
    expect([name, isThere, headings]).toEqual([name, true, 1]);
  }
  await page.context().close();
});

test.for(SCHEMES)('no rule of accessibility is broken in the %s scheme', async (scheme) => {
  const page = await openPage(browser, { scheme });
  for (const { name, url } of all.screens) {
    await page.goto(url);
    for (const details of await page.locator('details').all())
      await details.evaluate('node => { node.open = true; }');
    expect([name, ...(await findingsOf(page))]).toEqual([name]);
    await page.goto(url);
    await page.screenshot({ path: join(PICTURES, `${name}-${scheme}-${DESKTOP}.png`), fullPage: true });
  }
  await page.context().close();
});

test('on a phone nothing is wider than the window, and no rule of accessibility is broken', async () => {
  const page = await openPage(browser, { width: PHONE });
  for (const { name, url } of all.screens) {
    await page.goto(url);
    await page.screenshot({ path: join(PICTURES, `${name}-light-${PHONE}.png`), fullPage: true });
    expect([name, await overflowOf(page)]).toEqual([name, 0]);
    expect([name, ...(await findingsOf(page))]).toEqual([name]);
  }
  await page.context().close();
});

test('no page loads anything from elsewhere, and the browser refuses nothing', async () => {
  const page = await openPage(browser);
  const complaints: string[] = [];
  const hosts = new Set<string>();
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => hosts.add(new URL(request.url()).hostname));
  for (const { url, status } of all.screens.filter((screen) => screen.status === 200)) {
    const response = await page.goto(url);
    expect(response?.status()).toBe(status);
  }
  expect(complaints).toEqual([]);
  expect([...hosts]).toEqual(['127.0.0.1']);
  await page.context().close();
});
