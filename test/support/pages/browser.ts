/** Debian's Chromium, which shows the pages of a real edge. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium, type Browser, type Page } from 'playwright-core';
import { requireProgram } from '../programs.ts';

export const SCHEMES = ['light', 'dark'] as const;
export type Scheme = (typeof SCHEMES)[number];

export const [DESKTOP, PHONE] = [1280, 360];

/** @param host if it is given, the browser finds the edge under this name, as `lifeboat.example.com` */
export async function startBrowser(host?: {
  readonly name: string;
  readonly edge: string;
}): Promise<Browser> {
  return chromium.launch({
    executablePath: await requireProgram('chromium'),
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      ...(host === undefined ? [] : [`--host-resolver-rules=MAP ${host.name} ${host.edge}`]),
    ],
  });
}

export interface PageOptions {
  readonly scheme?: Scheme;
  readonly width?: number;
  readonly height?: number;
  readonly hasScript?: boolean;
  readonly login?: { readonly username: string; readonly password: string };
}

/** A page of a context of its own, so that nothing is remembered. */
export async function openPage(browser: Browser, options: PageOptions = {}): Promise<Page> {
  const { scheme = 'light', width = DESKTOP, height = 800, hasScript = true, login } = options;
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width, height },
    javaScriptEnabled: hasScript,
    ...(login !== undefined && { httpCredentials: login }),
  });
  return context.newPage();
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
let axe: string | undefined;

/** The rules of accessibility that the page breaks, each with the elements that do. */
export async function findingsOf(page: Page): Promise<readonly string[]> {
  axe ??= await readFile(AXE, 'utf8');
  // The page's own policy allows no script, and the debugger's are not the page's.
  await page.evaluate(axe);
  return page.evaluate(
    `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => id + ' ' + target.join(' ') + ': ' + failureSummary)))`,
  );
}

/** How much wider than the window the page is, in pixels. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}
